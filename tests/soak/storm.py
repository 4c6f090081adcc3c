#!/usr/bin/env python3
"""storm.py KILLS SECONDS PROGRAM OUTPUT COMMAND...: runs the command again and again, its stdout in
OUTPUT, and meanwhile KILLS times kills a process of that name which it started, each time after
up to SECONDS. When the killing is over, it runs until it ends by itself. Exits with its status, or
1 where it was killed and ended well all the same. Says on stderr how often it ran."""
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
    except ProcessLookupError:  # it has ended by itself
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
        while list(victims(batch.pid)):  # what xargs left behind when it gave up
            time.sleep(0.01)
    if left == 0 and not hit:
        break
print("%d kills, %d runs" % (kills, runs), file=sys.stderr)
sys.exit(status if status >= 0 else 1)
