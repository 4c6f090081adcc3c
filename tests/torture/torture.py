#!/usr/bin/env python3
"""torture.py [OPTION]... TRIAL...: makes one call of a program fail, then repeats the command.

A TRIAL is a program of PROGRAMS below, or all; `av-fit:child` makes calls of its children fail. Each
case has a folder and a sandbox of its own. In the first run the preload library (inject.c) makes the
Nth call of a kind fail; the second run is the same command without the library. Both are compared
with a run without failures:

 * nothing is made twice, and that run sent each paid request too;
 * each record that is read is written, unless the exit status says that the program gave up;
 * exit 0 means that all output is there; a file under its final name is complete;
 * the second run reports the ids that the first run reported, and misses none;
 * no run hangs, and no fault of the program ends it by a signal (the EXCUSED are counted apart).

Prints a line of counts for each trial and kind, and each fault with its order for AV_INJECT; the
folder of such a case is kept in build/torture. The programs, faces and inject.so come from PATH."""
import argparse
import collections
import concurrent.futures
import errno
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SERVICES = ["loom", "anam", "avtr1", "argil"]
# What each kind of call may fail with.
ERRORS = {
    "open": ["EMFILE", "EACCES", "EIO"], "read": ["EIO", "EINTR", "short"],
    "write": ["EIO", "ENOSPC", "EPIPE", "EINTR", "short"],
    "send": ["EPIPE", "ECONNRESET", "EINTR", "short"], "recv": ["ECONNRESET", "EINTR", "short"],
    "descriptor": ["EMFILE", "ENOMEM"], "connect": ["ECONNREFUSED", "EMFILE"],
    "wait": ["EINTR", "ENOMEM"], "control": ["ENOMEM", "EINTR", "EIO"], "sync": ["EIO", "ENOSPC"],
    "rename": ["EIO", "ENOSPC"], "unlink": ["EIO"], "size": ["ENOSPC", "EIO"], "map": ["ENOMEM"],
    "stat": ["EIO", "EACCES"], "mkdir": ["ENOSPC"], "directory": ["EMFILE"], "random": ["EIO"],
    "process": ["EAGAIN", "EINTR"], "thread": ["EAGAIN"], "close": ["EIO"], "memory": ["ENOMEM"],
}
SYSCALLS = [kind for kind in ERRORS if kind != "memory"]
# Statuses with which a program gives up: output cannot be written, a bug, the system fails.
GAVE_UP = {64, 66, 70, 71, 74}
OWN_FAULT = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS}
# Kinds whose failure may crash a program: one without random numbers aborts.
EXCUSED = ("random",)
# A worker whose answer does not come is ended after 120 s.
HANG_S = 150 * int(os.environ.get("AV_SLOW", "1"))


def which(library):
    return os.path.abspath(shutil.which(library) or sys.exit("torture.py: no %s in PATH" % library))


def lines_of(path):
    with open(path, "rb") as f:
        return f.read().split(b"\n")


def records_of(path):
    """The complete lines of the file that are JSON, and the number of those that are not."""
    good, bad = [], 0
    *lines, rest = lines_of(path)
    for line in lines:
        try:
            good.append(json.loads(line))
        except ValueError:
            bad += 1
    return good, bad + (rest != b"")


def files_under(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            if not name.startswith("."):
                with open(os.path.join(where, name), "rb") as f:
                    found[name] = f.read()
    return found


class Program:
    """What a program is given; `made` shows a record of which nothing is missing."""
    argv, stdin, seeded, folder, speaks_records = [], None, False, None, True

    @staticmethod
    def made(record):
        return not record.get("error")

    def prepare(self, case):
        pass

    def shape(self, case):
        """The parts of stdout and files that are the same in all runs without failures."""
        good, _ = records_of(case.path("out"))
        return sorted(json.dumps(r, sort_keys=True) for r in good)


class Validate(Program):
    argv = ["av-validate", "-k", "-p", ",".join(SERVICES), "--decode", "photo.jpg"]


class Fit(Program):
    argv = ["av-fit", "-k", "-p", "loom,argil", "--always", "-o", "files", "photo.jpg"]
    folder = "files"


class Upload(Program):
    argv = ["av-upload", "--timeout", "30s"]
    stdin = "fresh"

    @staticmethod
    def made(record):
        return not record.get("error") and bool((record.get("avatar") or {}).get("id"))

    def shape(self, case):
        good, _ = records_of(case.path("out"))
        return sorted(r["provider"] for r in good if self.made(r))


class Poll(Upload):
    argv = ["av-poll", "--interval", "0.05s", "--timeout", "30s"]
    stdin, seeded = "uploaded", True

    @staticmethod
    def made(record):
        return not record.get("error") and record["avatar"]["status"] == "ready"


class Render(Program):
    argv = ["av-render", "--interval", "0.05s", "--timeout", "30s", "-o", "files"]
    stdin, seeded, folder = "polled", True, "files"

    @staticmethod
    def made(record):
        return not record.get("error") and \
            all(r["status"] == "ready" for r in record.get("renderings", []))

    def shape(self, case):
        good, _ = records_of(case.path("out"))
        return sorted((r["provider"], sorted(x["kind"] for x in r.get("renderings", [])))
                      for r in good if self.made(r))


class Pose(Render):
    argv = Render.argv + ["-r", "pose=hi"]
    stdin = "polled-loom"


class Video(Render):
    argv = Render.argv + ["-r", "video", "-O", "text=Hi"]
    stdin = "polled-argil"


class Token(Program):
    argv = ["av-token", "-p", "loom", "--bearer"]
    speaks_records = False

    def shape(self, case):
        out = lines_of(case.path("out"))
        return [len(out) == 2 and len(out[0]) > 20 and out[1] == b""]


class Ledger(Program):
    """Imports a ledger, so that a second import changes nothing; the export tells."""
    argv = ["av-ledger", "--ledger", "new.db", "import", "exported"]

    def shape(self, case):
        tell = case.run(["av-ledger", "--ledger", "new.db", "export"], "told")
        good, _ = records_of(case.path("told"))
        return [tell] + sorted(r["key"] for r in good)


class Export(Program):
    argv = ["av-ledger", "--ledger", "old.db", "export"]


class Provider(Program):
    argv = ["av-provider", "list"]

    def shape(self, case):
        return sorted(r["name"] for r in records_of(case.path("out"))[0])


PROGRAMS = {"av-validate": Validate, "av-fit": Fit, "av-upload": Upload, "av-poll": Poll,
            "av-render": Render, "av-render-pose": Pose, "av-render-video": Video,
            "av-token": Token, "av-ledger": Ledger, "av-ledger-export": Export,
            "av-provider": Provider}


class Case:
    """A folder with a sandbox of its own."""

    def __init__(self, program, stock):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="case.", dir=stock.folder)
        for name in os.listdir(stock.files):
            source = os.path.join(stock.files, name)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, self.path(name))
        self.env = dict(os.environ, XDG_STATE_HOME=self.path("state"),
                        XDG_CONFIG_HOME=self.path("config"), XDG_CACHE_HOME=self.path("cache"),
                        **{s.upper() + "_EXCLUSIVE": "1" for s in SERVICES}, LOOM_RATE="1000")
        for name in ("AV_PROVIDER", "AV_LEDGER", "LD_PRELOAD"):
            self.env.pop(name, None)
        self.box = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        seed = self.path("journal-seed")
        if self.program is not None and self.program.seeded:
            # Cases run side by side, so none takes the port of the one that made the seed.
            with open(seed) as old, open(self.path("journal"), "w") as new:
                new.writelines(line for line in old if not line.startswith('{"port"'))
        self.box = subprocess.Popen(
            ["av-sandbox", "--seed", "7", "--ready-after", "50", "--render-after", "50", "--rate",
             "loom=0", "--state", "journal", "--trace", "trace"],
            cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=open(self.path("box.err"), "w"))
        told = json.loads(self.box.stdout.readline())
        self.env.update(told["env"])
        self.stats_url = told["stats"]

    def stats(self):
        with urllib.request.urlopen(self.stats_url) as answer:
            return json.load(answer)

    def run(self, argv, out, inject=None, stdin=None):
        """The exit status, below 0 for a signal; None where it had to be killed."""
        env = dict(self.env)
        if inject:
            env.update(LD_PRELOAD=which("inject.so"), AV_INJECT=inject,
                       AV_INJECT_COUNTS=self.path("counts"))
        with open(self.path(stdin) if stdin else os.devnull) as source, \
                open(self.path(out), "w") as to, open(self.path(out + ".err"), "w") as err:
            run = subprocess.Popen(argv, cwd=self.folder, env=env, stdin=source, stdout=to, stderr=err)
            try:
                return run.wait(HANG_S)
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                return None

    def counted(self):
        """{kind: (calls, failures)} of the last run with the preload library."""
        with open(self.path("counts"), "rb") as f:
            return {name.rstrip(b"\0").decode(): (calls, failures)
                    for name, calls, failures in struct.iter_unpack("16sII", f.read())}

    def paid(self):
        """The paid requests that the sandbox got, with every id replaced by the same text."""
        asked = []
        if not os.path.exists(self.path("trace")):
            return asked
        for line in lines_of(self.path("trace"))[:-1]:
            r = json.loads(line)
            if r["method"] == "POST" and r["path"] != "/oauth/token":
                path = re.sub(r"av_\w{26}|[0-9a-f]{8}-[0-9a-f-]{27}|\d{8,}", "ID", r["path"])
                asked.append((path, r["query"], r["body_bytes"], tuple(sorted(r["headers"]))))
        return asked

    def end(self, keep=None):
        if self.box:
            self.box.terminate()
            self.box.wait()
            self.box.stdout.close()
        if keep:
            shutil.rmtree(keep, ignore_errors=True)
            shutil.move(self.folder, keep)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


class Stock:
    """The files that every case starts with: a photo, each program's input, the sandbox's journal."""

    def __init__(self, folder):
        self.folder = folder
        self.files = os.path.join(folder, "stock")
        providers = os.path.join(self.files, "config/avtools/providers")
        os.makedirs(providers)
        os.mkdir(os.path.join(self.files, "state"))
        subprocess.run(["faces", "photo.jpg=1280x720"], cwd=self.files, check=True)
        for service in SERVICES:  # lists are complete soon
            with open("%s/lib/providers/%s.json" % (TOP, service)) as f:
                description = json.load(f)
            for operation in description["operations"].values() \
                    if isinstance(description["operations"], dict) else description["operations"]:
                if "lookup" in operation:
                    operation["lookup"].update(settle_s=0.2, effect_s=0.2)
            with open("%s/%s.json" % (providers, service), "w") as f:
                json.dump(description, f)
        case = Case(None, self)
        case.start()
        steps = [(["av-validate", "-k", "-p", ",".join(SERVICES), "photo.jpg"], "fresh", None),
                 (["av-upload", "-k", "--ledger", "old.db"], "uploaded", "fresh"),
                 (["av-poll", "-k", "--interval", "0.05s"], "polled", "uploaded"),
                 (["av-ledger", "--ledger", "old.db", "export"], "exported", None)]
        for argv, out, stdin in steps:
            if case.run(argv, out, stdin=stdin) != 0:
                sys.exit("torture.py: %s: %s" % (argv[0], open(case.path(out + ".err")).read()))
            shutil.copy(case.path(out), self.files)
        for service in ("loom", "argil"):
            with open(self.files + "/polled-" + service, "w") as f:
                f.writelines(json.dumps(r) + "\n" for r in records_of(case.path("polled"))[0]
                             if r["provider"] == service)
        case.box.terminate()
        case.box.wait()
        shutil.copy(case.path("old.db"), self.files)
        shutil.copy(case.path("journal"), os.path.join(self.files, "journal-seed"))
        case.end()


class Trial:
    """One program, or its children, in all kinds of calls."""

    def __init__(self, name, stock, kinds):
        program, _, child = name.partition(":")
        self.name, self.program, self.stock = name, PROGRAMS[program](), stock
        self.suffix = ":child" if child else ""
        case = Case(self.program, stock)
        case.start()
        status = self.one_run(case, "open:0:0" + self.suffix)
        self.shape = self.program.shape(case)
        self.paid = collections.Counter(case.paid())
        self.records = len(records_of(case.path("out"))[0])
        self.files = files_under(case.path(self.program.folder)) if self.program.folder else {}
        self.calls = {kind: n for kind, (n, _) in case.counted().items() if kind in kinds}
        case.end()
        if status != 0:
            sys.exit("torture.py: a clean run of %s ends with %s" % (name, status))

    def one_run(self, case, inject=None, out="out"):
        return case.run(self.program.argv, out, inject, self.program.stdin)

    def orders(self, most):
        """KIND:N:ERROR for every call, or for `most` calls of each kind, evenly spread."""
        for kind, calls in self.calls.items():
            errors = ERRORS[kind]
            everything = [(n, e) for n in range(1, calls + 1) for e in errors]
            step = max(1.0, len(everything) / most)
            for i in range(int(min(len(everything), most))):
                n, e = everything[int((i + 0.5) * step)]
                number = e if e == "short" else str(getattr(errno, e))
                yield kind, "%s:%d:%s%s" % (kind, n, number, self.suffix)

    def check_first(self, case, status, excused, found):
        good, bad = records_of(case.path("out")) if self.program.speaks_records else ([], 0)
        if status is None:
            found.append("hangs")
            return good
        if status < 0 and -status in OWN_FAULT:
            (case.crashes if excused else found).append("ends by " + signal.Signals(-status).name)
        if status >= 0 and status not in GAVE_UP:
            if bad:
                found.append("%d lines are no records, status %d" % (bad, status))
            if self.program.stdin and len(good) < self.records:
                found.append("%d of %d records, status %d" % (len(good), self.records, status))
        if status == 0 and self.program.shape(case) != self.shape:
            found.append("exit 0, but output is missing")
        return good

    def check_second(self, case, status, first, found):
        good = records_of(case.path("out"))[0] if self.program.speaks_records else []
        unknown = [r for r in good if (r.get("error") or {}).get("created") == "unknown"]
        case.unknown = len(unknown)
        if status is None:
            return found.append("the second run hangs")
        if status != 0 and not (unknown and status in (65, 75)):
            found.append("the second run ends with %d: %s" %
                         (status, open(case.path("out.err")).read()[-300:].strip()))
        elif not unknown and self.program.shape(case) != self.shape:
            found.append("the second run lacks something")
        ids = {r.get("provider"): (r.get("avatar") or {}).get("id") for r in good if isinstance(r, dict)}
        for r in first:
            id_ = isinstance(r, dict) and (r.get("avatar") or {}).get("id")
            if id_ and not r.get("error") and ids.get(r["provider"]) != id_:
                found.append("%s: id %s became %s" % (r["provider"], id_, ids.get(r["provider"])))

    def check_service(self, case, found):
        if case.box.poll() is not None:
            return found.append("the sandbox ended: " + open(case.path("box.err")).read()[-300:])
        stats = case.stats()
        for service in SERVICES:
            s = stats[service]
            if s["duplicates_count"]:
                found.append("%s: %d made twice" % (service, s["duplicates_count"]))
            if s["violations_count"]:
                found.append("%s: %s" % (service, json.dumps(s["violations"])[:300]))
        for request in case.paid():
            if request not in self.paid:
                found.append("another request: %s" % (request,))

    def check_files(self, case, when, found):
        if self.program.folder:
            for name, data in files_under(case.path(self.program.folder)).items():
                if name in self.files and len(data) != len(self.files[name]):
                    found.append("%s: '%s' is not complete" % (when, name))
                if name not in self.files:
                    found.append("%s: '%s' is no file of a clean run" % (when, name))

    def case(self, kind, order):
        case = Case(self.program, self.stock)
        case.crashes, case.unknown, found = [], 0, []
        case.start()
        status = self.one_run(case, order)
        fired = case.counted()[kind][1] > 0
        first = self.check_first(case, status, kind in EXCUSED, found)
        self.check_files(case, "first run", found)
        for name in ("out", "out.err"):
            shutil.copy(case.path(name), case.path("first." + name))
        if fired:
            again = self.one_run(case)
            self.check_second(case, again, first, found)
            self.check_files(case, "second run", found)
        self.check_service(case, found)
        keep = "%s/build/torture/%s-%s" % (TOP, self.name, order) if found else None
        case.end(keep.replace(":", "-") if keep else None)
        return kind, order, fired, status, found, case.crashes, case.unknown


def report(trial, results):
    """Prints counts and faults; the number of faults."""
    faults = 0
    for kind in trial.calls:
        of_kind = [r for r in results if r[0] == kind]
        fired = [r for r in of_kind if r[2]]
        if not fired:
            continue
        ends = collections.Counter("hang" if r[3] is None else r[3] for r in fired)
        print("%s %s: %d failed, of %d calls: exit %s; %d crashes, %d unknown, %d faults" % (
            trial.name, kind, len(fired), trial.calls[kind],
            ", ".join("%s %dx" % e for e in sorted(ends.items(), key=str)),
            sum(len(r[5]) for r in fired), sum(r[6] for r in fired),
            sum(bool(r[4]) for r in of_kind)))
        for r in of_kind:
            for fault in r[4]:
                print("  AV_INJECT=%s (status %s): %s" % (r[1], r[3], fault))
            for crash in r[5]:
                print("  AV_INJECT=%s: %s" % (r[1], crash))
            faults += len(r[4])
    sys.stdout.flush()
    return faults


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--kinds", default=",".join(SYSCALLS), help="separated by commas; memory is one")
    p.add_argument("--most", type=int, default=10 ** 9, help="cases of each kind")
    p.add_argument("--jobs", type=int, default=4)
    p.add_argument("--order", help="AV_INJECT of the one case to run")
    p.add_argument("trials", nargs="+")
    a = p.parse_args()
    trials = a.trials
    if trials == ["all"]:
        trials = list(PROGRAMS) + ["av-validate:child", "av-fit:child"]
    os.makedirs(TOP + "/build/torture", exist_ok=True)
    folder = tempfile.mkdtemp(prefix="torture.")
    cases = faults = 0
    try:
        stock = Stock(folder)
        for name in trials:
            kinds = [a.order.split(":")[0]] if a.order else a.kinds.split(",")
            trial = Trial(name, stock, kinds)
            orders = list(trial.orders(a.most))
            if a.order:
                orders = [(a.order.split(":")[0], a.order)]
            with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
                results = list(pool.map(lambda order: trial.case(*order), orders))
            cases += sum(r[2] for r in results)
            faults += report(trial, results)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%d calls failed in turn, %d faults" % (cases, faults))
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
