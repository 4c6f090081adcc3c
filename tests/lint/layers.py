#!/usr/bin/python3
"""layers.py: checks which rooms include which.

A folder of lib/ is a room. Its README.md ends with the rooms that it may include:
"May include: image os base". The checks:
  - an #include in lib/ and tools/ names a file that its room may include,
  - modules do not include each other in a circle (x.h and x.c are one module),
  - the table of rooms in lib/README.md lists exactly the rooms of lib/,
  - headers keep to 80 columns,
  - a comment's asterisk is followed by a blank (clang-format drops it when it breaks a line of a
    comment that has tabs).
Prints each fault as "file: what is wrong"; exits 1 if there is one.
"""
import glob
import os
import re
import sys

INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
faults = []


def rooms_of(top):
    """Each room with the set of rooms that it may include, itself among them."""
    allowed = {}
    for folder in sorted(glob.glob(top + "/*/")):
        name = os.path.basename(folder.rstrip("/"))
        if not glob.glob(folder + "*.c"):
            continue
        try:
            with open(folder + "README.md", encoding="utf-8") as f:
                line = re.search(r"^May include: (.*)$", f.read(), re.M)
        except FileNotFoundError:
            line = None
        if line is None:
            faults.append(f"{folder}README.md: no line 'May include: ...'")
            continue
        allowed[name] = {name} | {word for word in line[1].split() if word != "nothing"}
    return allowed


def module(path):
    return re.sub(r"\.[a-z]+$", "", path)


def check_rooms(top, allowed, beside=()):
    """beside: rooms of the library that a program's folder may include as well."""
    graph = {}
    for path in sorted(glob.glob(top + "/*/*.[ch]")):
        room, name = path[len(top) + 1:].split("/")
        with open(path, encoding="utf-8") as f:
            included = INCLUDE.findall(f.read())
        for target in included:
            if "/" not in target:
                faults.append(f'{path}: include "{target}" does not name its folder')
                continue
            to = target.split("/")[0]
            if room in allowed and to not in allowed[room] and to not in beside:
                faults.append(f"{path}: {room}/ may not include {to}/")
            if to in allowed:
                graph.setdefault(module(f"{room}/{name}"), set()).add(module(target))
    return graph


def circles(graph):
    """Tarjan: the sets of modules that reach each other."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in sorted(graph.get(v, ())):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            part = stack[stack.index(v):]
            del stack[stack.index(v):]
            if len(part) > 1:
                found.append(sorted(part))

    for v in sorted(graph):
        if v not in index:
            visit(v)
    return found


def check_map(allowed):
    with open("lib/README.md", encoding="utf-8") as f:
        named = set(re.findall(r"^\s*\| `([a-z]+)/` \|", f.read(), re.M))
    for room in sorted(set(allowed) - named):
        faults.append(f"lib/README.md: the table lacks the room {room}/")
    for room in sorted(named - set(allowed)):
        faults.append(f"lib/README.md: the table has a room {room}/ that does not exist")


def check_columns():
    for path in sorted(glob.glob("lib/*/*.h") + glob.glob("tools/**/*.h", recursive=True)):
        with open(path, encoding="utf-8") as f:
            for n, line in enumerate(f, 1):
                if len(line.rstrip("\n").expandtabs(8)) > 80:
                    faults.append(f"{path}:{n}: longer than 80 columns")


def check_comments():
    for path in sorted(glob.glob("lib/*/*.[ch]") + glob.glob("tools/**/*.[ch]", recursive=True)):
        with open(path, encoding="utf-8") as f:
            for n, line in enumerate(f, 1):
                if re.match(r" \*[A-Za-z(\"']", line):
                    faults.append(f"{path}:{n}: no blank after the asterisk")


lib = rooms_of("lib")
sandbox = rooms_of("tools/av-sandbox")
for top, allowed, beside in (("lib", lib, ()), ("tools/av-sandbox", sandbox, ("base",))):
    for part in circles(check_rooms(top, allowed, beside)):
        faults.append(f"{top}: a circle of includes: {' '.join(part)}")
check_map(lib)
check_columns()
check_comments()
print("\n".join(faults), end="\n" if faults else "")
sys.exit(bool(faults))
