#!/usr/bin/env python3
"""storm.py KILLS SECONDS PROGRAM OUTPUT COMMAND...: runs the command again and again with its stdout
in OUTPUT, and kills one of its processes with the name PROGRAM every 0 to SECONDS seconds, KILLS
times. The last run has no kill. Exits with the command's status, or 1 if a signal ended it. Prints
the number of runs on stderr."""
import os
import random
import signal
import subprocess
import sys
import time

kills, seconds, program, output = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]


def victims(session):
    for pid in os.listdir("/proc"):
        try:
            stat = open("/proc/%d/stat" % int(pid)).read()
        except (ValueError, OSError):
            continue
        name, rest = stat[stat.index("(") + 1:].rsplit(")", 1)
        if name == program and int(rest.split()[3]) == session and rest.split()[0] != "Z":
            yield int(pid)


def kill_one(batch):
    found = list(victims(batch.pid))
    if not found:
        return False
    try:
        os.kill(random.choice(found), signal.SIGKILL)
    except ProcessLookupError:  # it has ended already
        return False
    return True


random.seed(int(os.environ.get("SEED", "1")))
runs, left = 0, kills
while True:
    runs += 1
    hit = False
    with open(output, "w") as out:
        batch = subprocess.Popen(sys.argv[5:], stdout=out, start_new_session=True)
        while left > 0 and batch.poll() is None:
            time.sleep(random.uniform(0, seconds))
            if kill_one(batch):
                left -= 1
                hit = True
        status = batch.wait()
        while list(victims(batch.pid)):  # xargs stops without waiting for its children
            time.sleep(0.01)
    if left == 0 and not hit:
        break
print("%d kills, %d runs" % (kills, runs), file=sys.stderr)
sys.exit(status if status >= 0 else 1)
