#!/usr/bin/env python3
"""power.py [TRIAL...]: checks the files of a program after a simulated power loss.

A preload library (record.c) logs each operation of the program on files. After each operation a power
loss is simulated: bytes that were not synced are kept, lost or torn (half of the bytes, or zeros in
their place), and any prefix of the operations on names since the last sync of the directory is kept.
(A file system with a journal keeps the order of names, but not of data.) In each such state a file
has its complete new contents or its old contents under its final name, or is absent. After the end of
the program everything that it reported is there. Then each different state is written to a folder,
and the same command must succeed in it (in at most STATES of them, evenly chosen).

Prints a line for each trial: operations, states, states in which the command ran again, faults."""
import collections
import importlib.util
import json
import os
import shutil
import sys
import tempfile

spec = importlib.util.spec_from_file_location(
    "torture", os.path.join(os.path.dirname(os.path.abspath(__file__)), "torture.py"))
torture = importlib.util.module_from_spec(spec)
spec.loader.exec_module(torture)

STATES = int(os.environ.get("STATES", "30"))
LOOKS = ("all", "none", "torn", "zeros")  # of what was written and not synced


def operations_of(path):
    found = []
    with open(path, "rb") as f:
        while line := f.readline():
            name, inode, number, length = line.split()
            found.append((name.decode(), int(inode), int(number), f.read(int(length))))
            f.read(1)
    return found


class Disk:
    """Names; and for each inode its durable contents and the changes since."""

    def __init__(self, files):
        self.names, self.durable, self.changes = {}, {}, {}
        for path, (inode, data) in files.items():
            self.names[path] = inode
            self.durable[inode] = data
            self.changes[inode] = []

    def change(self, operation, inode, number, data):
        if operation == "open":
            self.names[data.decode()] = inode
            self.durable.setdefault(inode, b"")
            self.changes.setdefault(inode, [])
            if number:
                self.changes[inode].append(("size", 0, b""))
        elif operation in ("write", "size", "grow") and inode in self.changes:
            self.changes[inode].append((operation, number, data))
        elif operation == "sync" and inode in self.changes:
            self.durable[inode] = self.data(inode, "all")
            self.changes[inode] = []
        elif operation in ("rename", "link"):
            old, new = (p.decode() for p in data.split(b"\0"))
            if old in self.names:
                self.names[new] = self.names[old]
                if operation == "rename":
                    del self.names[old]
        elif operation == "unlink":
            self.names.pop(data.decode(), None)

    def data(self, inode, look):
        data = bytearray(self.durable[inode])
        changes = self.changes[inode] if look != "none" else []
        for i, (operation, number, new) in enumerate(changes):
            if operation != "write":
                if operation == "grow":
                    number = max(number, len(data))
                data[number:] = bytes(max(0, number - len(data)))
                continue
            if look == "zeros":
                new = bytes(len(new))
            elif look == "torn" and i == len(changes) - 1:
                new = new[:len(new) // 2]
            data.extend(bytes(max(0, number - len(data))))
            data[number:number + len(new)] = new
        return bytes(data)


NAMING = ("open", "rename", "link", "unlink")


def states_of(files, operations):
    """Yields (operation's number, {path: data}) for each state that power loss may leave."""
    for end in range(len(operations) + 1):
        disk, firm = Disk(files), 0
        names = [dict(disk.names)]
        for operation, inode, number, data in operations[:end]:
            disk.change(operation, inode, number, data)
            if operation in NAMING:
                names.append(dict(disk.names))
            elif operation == "sync" and inode not in disk.changes:  # a directory
                firm = len(names) - 1
        for at in range(firm, len(names)):
            for look in LOOKS:
                yield end, {path: disk.data(inode, look) for path, inode in names[at].items()}


def files_in(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as f:
                found[path] = (os.stat(path).st_ino, f.read())
    return found


class Trial:
    """A program's command. `final` tells whether a file at a path must be complete; `age` changes the
    files of a first run, so that the second run replaces them."""

    def __init__(self, name, program, final, age=None):
        self.name, self.program, self.final, self.age = name, program, final, age
        self.argv = program.argv

    def run(self, stock):
        case = torture.Case(self.program, stock)
        case.start()
        folder = case.folder
        if self.age:
            case.run(self.argv, "out", stdin=self.program.stdin)
            self.age([p for p in files_in(folder) if self.final(p)])
        before = {p: f for p, f in files_in(folder).items() if self.final(p)}
        shutil.copytree(case.path("state"), case.path("before"))
        case.env.update(LD_PRELOAD=torture.which("record.so"), AV_RECORD=folder,
                        AV_RECORD_LOG=case.path("log"))
        status = case.run(self.argv, "out", stdin=self.program.stdin)
        for name in ("LD_PRELOAD", "AV_RECORD", "AV_RECORD_LOG"):
            del case.env[name]
        if status != 0:
            sys.exit("power.py: %s ends with %s: %s" % (self.name, status, open(case.path("out.err")).read()))
        after = {p: f[1] for p, f in files_in(folder).items() if self.final(p)}
        operations = operations_of(case.path("log"))
        faults = self.check(case, before, after, operations)
        case.end()
        return faults

    def check(self, case, before, after, operations):
        faults, distinct, total = [], {}, 0
        versions = self.versions(before, operations)
        for end, files in states_of(before, operations):
            total += 1
            final = {p: d for p, d in files.items() if self.final(p)}
            for path, data in final.items():
                if data not in versions[path]:
                    faults.append("'%s' is not complete" % os.path.basename(path))
            if end == len(operations) and {p: final.get(p) for p in after} != after:
                faults.append("at the end: a file is lost")
            distinct.setdefault(tuple(sorted((p, d) for p, d in files.items() if "ledger" not in p)), files)
        tried = list(distinct.values())[::max(1, -(-len(distinct) // STATES))]
        for files in tried:
            faults += self.again(case, files, after)
        if not after or not any(o[0] == "rename" or o[0] == "link" for o in operations):
            faults.append("nothing was recorded")
        print("%s: %d operations, %d states, %d of them distinct, %d run again, %d faults" %
              (self.name, len(operations), total, len(distinct), len(tried), len(faults)), flush=True)
        for fault in sorted(set(faults)):
            print("  %s (%d times)" % (fault, faults.count(fault)))
        return len(faults)

    def versions(self, before, operations):
        """{path: its contents at each time when it got its name}"""
        disk, found = Disk(before), collections.defaultdict(set)
        for path, (_, data) in before.items():
            found[path].add(data)
        for operation in operations:
            disk.change(*operation)
            if operation[0] in ("rename", "link"):
                path = operation[3].split(b"\0")[1].decode()
                if path in disk.names:
                    found[path].add(disk.data(disk.names[path], "all"))
        return found

    def again(self, case, files, after):
        for name in ("state", "files"):
            shutil.rmtree(case.path(name), ignore_errors=True)
        shutil.copytree(case.path("before"), case.path("state"))
        for path, data in files.items():
            if "/ledger" in path:  # unit/ledger_crash.c cuts that
                continue
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
                f.write(data)
        status = case.run(self.argv, "out", stdin=self.program.stdin)
        if status != 0:
            return ["the command ends with %s: %s" % (status, open(case.path("out.err")).read()[-200:])]
        lost = [p for p in after if not os.path.exists(p)]
        return ["the command does not make '%s'" % os.path.basename(p) for p in lost]


def is_result(path):
    return os.path.basename(os.path.dirname(path)) == "files" and not os.path.basename(path).startswith(".")


def is_token(path):
    return "/state/avtools/tokens/" in path and "." not in os.path.basename(path)


def expire(tokens):
    for path in tokens:
        with open(path) as f:
            token = json.load(f)
        token.update(boot_id="", obtained_at=token["obtained_at"] - 7200)
        with open(path, "w") as f:
            json.dump(token, f)


TRIALS = {t.name: t for t in [
    Trial("av-render", torture.Render(), is_result),
    Trial("av-fit", torture.Fit(), is_result),
    Trial("av-token", torture.Token(), is_token),
    Trial("av-token-renewed", torture.Token(), is_token, expire)]}


def main():
    folder = tempfile.mkdtemp(prefix="power.")
    try:
        stock = torture.Stock(folder)
        faults = sum(TRIALS[name].run(stock) for name in sys.argv[1:] or TRIALS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return faults > 0


sys.exit(main())
