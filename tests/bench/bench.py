#!/usr/bin/python3
"""bench.py DIR: measures the programs beside others that do the same work; cases.py says which. Run it by
`make bench`, with the programs in PATH. It writes only below DIR. The environment may have

  CASES=png,list   only cases whose names begin so
  QUICK=1          a tenth of the work, 3 repeats: too few to say what became slower
  REPEATS=N        this many repeats; 7 by default
  BASE=REV         builds this revision in DIR/REV, and its programs take turns with these
  COMMIT           the version of the programs, for the result

Each case is run once to see that every side does all of the work, and how much memory it needs. Then the sides take
turns. Times are compared within a turn, so that a busy machine slows down both. DIR/last.jsonl gets a line for each side,
and keeps those of other cases; DIR/previous.jsonl is that file before this run; DIR/bench.svg shows it. Exits with 1 if
something did not do its work.
"""
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import cases
import draw

QUICK = bool(os.environ.get("QUICK"))
REPEATS = int(os.environ.get("REPEATS") or (3 if QUICK else 7))
CORES = os.sched_getaffinity(0)
with open("/proc/cpuinfo") as cpuinfo:
    MACHINE = next((text.split(":", 1)[1].strip() for text in cpuinfo if text.startswith("model name")),
                   platform.machine())
NOTICED = 1.05  # smaller changes are not told
ENOUGH = 5  # fewer repeats do not show the spread
TIMES = (("wall", ""), ("cpu", " in processor time"))


def build(rev, top):
    """Builds the revision. Returns its name and the folder of its programs."""
    name = subprocess.check_output(["git", "rev-parse", "--short", rev + "^{commit}"], text=True).strip()
    tree = os.path.join(top, name)
    if not os.path.exists(tree + "/.version"):
        os.makedirs(tree, exist_ok=True)
        with subprocess.Popen(["git", "archive", name], stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", tree], stdin=archive.stdout, check=True)
        with open(tree + "/.version", "w") as f:
            f.write(name + "\n")
    subprocess.run([os.environ.get("MAKE", "make"), "-s", "-C", tree, "-j%d" % len(CORES), "all"], check=True,
                   env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")}, stdout=subprocess.DEVNULL)
    return name, tree + "/bin"


# ---- Measuring.

def spread(values):
    """Median, extremes, and the median distance from the median."""
    median = statistics.median(values)
    return {"median": median, "min": min(values), "max": max(values),
            "mad": statistics.median(abs(value - median) for value in values)}


def run(side, output, prefix=()):
    """Runs the side's command. Returns its wall and processor time, and its most memory or None."""
    env = dict(os.environ, **side.env)
    if side.run:
        return side.run(side.argv, env)
    with open(side.stdin or os.devnull, "rb") as given, open(output, "wb") as out, open("stderr", "wb") as err:
        os.sched_setaffinity(0, [max(CORES)] if side.one_core else CORES)
        begin = time.perf_counter()
        child = subprocess.Popen([*prefix, *side.argv], stdin=given, stdout=out, stderr=err, env=env)
        os.sched_setaffinity(0, CORES)
        _, status, usage = os.wait4(child.pid, 0)
        passed = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        with open("stderr", errors="replace") as err:
            raise cases.Wrong("%s ended with %d: %s" % (side.name, child.returncode, err.read()[-400:].strip()))
    return passed, usage.ru_utime + usage.ru_stime, None


def try_out(job, side):
    """Sees that the side does all of the work. Returns its most memory. A child of this process would begin with the
    memory of this process, so time(1) starts the command."""
    if side.before:
        side.before()
    _, _, memory = run(side, "output", ["/usr/bin/time", "-q", "-f", "%M", "-o", "memory"])
    done = side.count("output")
    if done != job.n:
        raise cases.Wrong("%s did %d of %d" % (side.name, done, job.n))
    if memory is None:
        with open("memory") as f:
            memory = int(f.read()) << 10
    return memory


def present(name, side):
    """Whether the side's programs are here."""
    if all(map(shutil.which, side.programs)) and (side.package != "python3-pil" or subprocess.run(
            [cases.PYTHON, "-c", "import PIL"], stderr=subprocess.DEVNULL).returncode == 0):
        return True
    print("  skipped: %s: %s is not here; install Debian's %s" % (name, side.name, side.package))
    return False


def sides_of(case, job, base):
    """The sides that can be measured, each with its most memory. Each of ours is followed by that of the base."""
    for side in job.sides:
        if side.kind != "ours" and not present(case.name, side):
            continue
        yield side, try_out(job, side)
        if base and side.kind == "ours":
            twin = side.at(base[0], {"PATH": base[1] + ":" + os.environ["PATH"]})
            try:
                yield twin, try_out(job, twin)
            except cases.Wrong as wrong:
                print("  skipped: %s" % wrong)


def measure(case, n, base):
    """Measures the case with n pieces of work. Returns a line of the result for each side."""
    job = case.make(n)
    try:
        sides, memory = zip(*sides_of(case, job, base))
        times = [[] for _ in sides]
        for turn in range(REPEATS):
            for i in range(len(sides)):
                i = (i + turn) % len(sides)  # another side comes first in each turn
                if sides[i].before:
                    sides[i].before()
                times[i].append(run(sides[i], os.devnull)[:2])
    finally:
        job.close()
    results = [result(case, job, *rest) for rest in zip(sides, times, memory)]
    for i, mine in enumerate(results):
        if mine["kind"] == "ours":
            compare(i, results, times, job.limit)
    return results


def result(case, job, side, times, memory):
    wall, cpu = zip(*times)
    return {"case": case.name, "title": case.title, "side": side.name, "kind": side.kind, "n": job.n,
            "unit": case.unit, "wall": spread(wall), "cpu": spread(cpu), "memory": memory,
            "beside": (memory - job.held) / job.n if job.held else None, "repeats": len(times),
            "commit": os.environ.get("COMMIT", ""), "cores": len(CORES), "machine": MACHINE,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def compare(i, results, times, limit):
    """Adds to line i how many times as long as the best peer, the limit and the base it took."""
    def of(kind):
        return [k for k, other in enumerate(results) if other["kind"] == kind]
    against = {"peer": min(of("peer"), key=lambda k: results[k]["wall"]["median"], default=None),
               "limit": min(of("limit"), default=None),
               "base": i + 1 if i + 1 in of("base") else None}
    for name, k in against.items():
        if k is not None:
            results[i][name] = dict({"side": results[k]["side"]}, **{
                what: spread([mine[which] / max(other[which], 1e-6) for mine, other in zip(times[i], times[k])])
                for which, what in enumerate(("wall", "cpu"))})
    if limit:
        results[i]["limit"] = {"side": limit[0], "wall": spread([wall / limit[1] for wall, _ in times[i]])}


# ---- Telling.

def human(seconds):
    return "%.2f s" % seconds if seconds >= 1 else "%.3g ms" % (seconds * 1e3)


def row(name, *columns):
    print("  %-30s %8s %6s %10s %9s %8s   %-11s %9s  %-26s %s" % (name, *columns), flush=True)


def show(mine):
    wall, peer, limit = mine["wall"], mine.get("peer"), mine.get("limit")
    row(mine["side"], human(wall["median"]), "%.1f%%" % (100 * wall["mad"] / wall["median"]),
        "{:,.0f}".format(mine["n"] / wall["median"]), human(mine["cpu"]["median"]), "%.1f MB" % (mine["memory"] / 1e6),
        "%.2f +-%.2f" % (peer["wall"]["median"], peer["wall"]["mad"]) if peer else "",
        "%.2f" % peer["cpu"]["median"] if peer else "", peer["side"] if peer else "",
        "%.1f %s" % (limit["wall"]["median"], limit["side"]) if limit else "")
    if mine["beside"]:
        print("  memory for each, beside what it holds: %.0f bytes" % mine["beside"])


def tell(mine, words, ratio, where):
    """Says that a time has changed, if by more than its spread."""
    if (REPEATS >= ENOUGH and abs(ratio["median"] - 1) > 2 * ratio["mad"]
            and not 1 / NOTICED < ratio["median"] < NOTICED):
        print("  %s: %s, %s, %s: %.2fx%s, +-%.2f, of %s" % (
            "slower" if ratio["median"] > 1 else "faster", mine["case"], mine["side"], format(mine["n"], ","),
            ratio["median"], words, ratio["mad"], where), flush=True)


def tell_since(mine, old):
    """The change since the last result. That of the ratio to the peer, which a busy machine changes less, if both
    have one."""
    for what, words in TIMES:
        new, before = mine[what], old[what]
        if "peer" in mine and old.get("peer", {}).get("side") == mine["peer"]["side"]:
            new, before = mine["peer"][what], old["peer"][what]
        if before["median"] > 0:
            ratio = new["median"] / before["median"]
            tell(mine, words, {"median": ratio, "mad": (new["mad"] + ratio * before["mad"]) / before["median"]},
                 old["commit"])


def key(mine):
    return mine["case"], mine["n"], mine["side"], mine["machine"], mine["cores"]


def load(path):
    try:
        with open(path) as f:
            return {key(mine): mine for mine in map(json.loads, f)}
    except FileNotFoundError:
        return {}


def keep(top, results):
    order = list(cases.CASES)
    results = sorted((mine for mine in results if mine["case"] in order), key=lambda mine: (
        order.index(mine["case"]), mine["n"]))
    with open(top + "/new.jsonl", "w") as f:
        f.writelines(json.dumps(mine) + "\n" for mine in results)
    os.replace(top + "/new.jsonl", top + "/last.jsonl")
    draw.draw(results, top + "/bench.svg")


def main(top):
    names = [name for name in os.environ.get("CASES", "").split(",") if name]
    chosen = [case for case in cases.CASES.values() if not names or any(map(case.name.startswith, names))]
    if not chosen:
        raise SystemExit("no such case: there are " + ", ".join(cases.CASES))
    os.makedirs(top + "/work", exist_ok=True)
    base = build(os.environ["BASE"], top) if os.environ.get("BASE") else None
    old, failed = load(top + "/last.jsonl"), False
    kept = dict(old)
    if old:
        shutil.copy(top + "/last.jsonl", top + "/previous.jsonl")
    os.chdir(top + "/work")
    shutil.rmtree("xdg", ignore_errors=True)  # nothing of the user's is read or changed
    os.environ.update({"XDG_%s_HOME" % name: os.path.abspath("xdg/" + name) for name in ("STATE", "CONFIG", "CACHE")},
                      AV_LEDGER="none", LC_ALL="C.UTF-8")
    print("%s, %d cores of %s, load %.1f, %d repeats" % (os.environ.get("COMMIT", ""), len(CORES), MACHINE,
                                                        os.getloadavg()[0], REPEATS))
    row("", "median", "+-", "a second", "processor", "memory", "to the peer", "processor", "the peer", "to the limit")
    for case in chosen:
        for n in case.sizes[:2] if QUICK else case.sizes:
            print("%s: %s, %s %s" % (case.name, case.title, format(n, ","), case.unit))
            try:
                results = measure(case, n, base)
            except (cases.Wrong, OSError, subprocess.SubprocessError) as fault:
                print("  failed: %s" % fault, flush=True)
                failed = True
                continue
            for mine in results:
                show(mine)
            for mine in results:
                kept[key(mine)] = mine
                if "base" in mine:
                    for what, words in TIMES:
                        tell(mine, words, mine["base"][what], "that at " + base[0])
                elif mine["kind"] == "ours" and key(mine) in old:
                    tell_since(mine, old[key(mine)])
        keep(top, kept.values())
    if REPEATS < ENOUGH:
        print("%d repeats are too few to say what became slower" % REPEATS)
    print("%s/last.jsonl\n%s/bench.svg" % (top, top))
    return failed


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
