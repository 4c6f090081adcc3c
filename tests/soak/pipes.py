#!/usr/bin/env python3
"""pipes.py hadoop|spark PARTS OUT [NAME=VALUE...]: runs filter.sh over the lines of list.txt, with the
environment, the pipes and the attempts of Hadoop Streaming on YARN, or of PySpark's pipe(checkCode=True).

Two attempts at a time run each part (speculative execution). The first that ends with 0 counts, and the
other one is killed. Of each part with an even number, the attempt that gets the first line is killed. A
part that fails four times fails the job. Hadoop ends the process group of an attempt, Spark only its
Python worker. NAME=VALUE is a -cmdenv of Hadoop."""
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading

ENGINE, PARTS, OUT = sys.argv[1], int(sys.argv[2]), sys.argv[3]
HADOOP = ENGINE == "hadoop"


def environment(part, number):
    if not HADOOP:
        return {}
    given = dict(word.split("=", 1) for word in sys.argv[4:])
    return {**os.environ, "HOME": "/home/", "mapreduce_task_attempt_id": f"attempt_1_1_m_{part}_{number}", **given}


def is_victim(part):
    """Whether this attempt is the first of its part to get a line, and is to be killed."""
    if part % 2:
        return False
    try:
        return os.open(f"{OUT}/_killed.{part}", os.O_CREAT | os.O_EXCL) >= 0
    except FileExistsError:
        return False


def worker(part, number, lines, path):
    """The process that runs one attempt; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    mapper = subprocess.Popen(["bash", "filter.sh"], env=environment(part, number),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def feed():
        try:
            with mapper.stdin:
                mapper.stdin.writelines(lines)
        except BrokenPipeError:
            pass

    threading.Thread(target=feed, daemon=True).start()
    with open(path, "wb", buffering=0) as out:
        for line in mapper.stdout:
            if is_victim(part):
                os.killpg(0, signal.SIGKILL) if HADOOP else os.kill(os.getpid(), signal.SIGKILL)
            if HADOOP:
                key, _, value = line.rstrip(b"\n").partition(b"\t")
                line = key + b"\t" + value + b"\n"
            out.write(line)
    os._exit(mapper.wait() != 0)


def kill(pid):
    if HADOOP:
        # A worker that has just begun has no group yet.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


with open("list.txt", "rb") as file:
    listed = file.readlines()
failures, killed, done, running = [0] * PARTS, 0, set(), {}
numbers = itertools.count()
os.mkdir(OUT)
while len(done) < PARTS:
    for part in set(range(PARTS)) - done:
        while sum(one[0] == part for one in running.values()) < 2:
            number = next(numbers)
            path = f"{OUT}/_attempt.{number}"
            running[worker(part, number, listed[part::PARTS], path)] = part, path
    pid, status = os.wait()
    part, path = running.pop(pid)
    if os.WIFSIGNALED(status):
        killed += 1
    elif status:
        failures[part] += 1
        if failures[part] == 4:
            sys.exit(f"part {part} failed four times")
    else:
        os.rename(path, f"{OUT}/part-{part:05}")
        done.add(part)
        for twin in [one for one in running if running[one][0] == part]:
            kill(twin)
            del running[twin]
print(f"{ENGINE}: {killed} killed in mid-run, {sum(failures)} failed, {next(numbers)} attempts")
