"""cases.py: what `make bench` measures. A case makes a Job for n pieces of work: its sides are commands that do the
same work, and count how much of it they did. The time of a side says nothing until its count is right.
"""
import atexit
import collections
import copy
import filecmp
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = {}
PYTHON = "/usr/bin/python3"  # Debian's, which has Pillow

# A case: sizes are 1x, 10x and 100x the work, or a single one if the work does not grow.
Case = collections.namedtuple("Case", "name title unit sizes make")


class Wrong(Exception):
    """A side did not do its work."""


class Side:
    """A command of a case. kind: "ours"; "peer" does the same work; "part" does only a part of it and is not compared
    with; "limit" is what the machine needs at least; "base" is ours of another revision. count(output) tells how much
    work was done; output is the file with the command's output. before() runs untimed. one_core: on one core.
    run(argv, env) replaces the timed run. package: Debian's, that has the programs, without which it is skipped."""

    def __init__(self, name, argv, kind="peer", count=None, stdin=None, env=None, before=None, package=None,
                 programs=(), one_core=False, run=None):
        self.name, self.argv, self.kind, self.stdin, self.before = name, argv, kind, stdin, before
        self.count, self.env, self.one_core, self.run = count or lines, env or {}, one_core, run
        self.package, self.programs = package, programs or argv[:1]

    def at(self, name, env):
        """The same side with the programs of another revision, and a ledger of their own. The environment of this side
        may still change."""
        twin = copy.copy(self)
        twin.name, twin.kind, twin.env = "%s at %s" % (self.name, name), "base", collections.ChainMap(env, self.env)
        twin.argv = [word.replace(".db", "-%s.db" % name) for word in self.argv]
        return twin


class Job:
    """The sides of a case, with n pieces of work each. limit: (words, seconds) that the machine needs at least. held:
    bytes of input that have to be in memory at once. close(): ends what the case started."""

    def __init__(self, n, sides, limit=None, close=None, held=0):
        self.n, self.sides, self.limit, self.held = n, sides, limit, held
        self.close = close or (lambda: None)


def case(name, title, unit, *sizes):
    def add(make):
        CASES[name] = Case(name, title, unit, sizes, make)
        return make
    return add


def ours(name, argv, **more):
    return Side(name, argv, kind="ours", **more)


# ---- What the machine can do at most.

def best_of(rounds, work):
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def loopback(size, rounds):
    """Seconds for this many exchanges over loopback, one after the other, with size bytes one way and 1 kB back."""
    def serve():
        with listener.accept()[0] as far:
            for _ in range(rounds):
                left = size
                while left:
                    left -= far.recv_into(room, min(left, len(room)))
                far.sendall(answer)
    room, answer, data = bytearray(1 << 18), bytes(1024), bytes(size)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with socket.create_connection(listener.getsockname()) as near:
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin = time.perf_counter()
            for _ in range(rounds):
                near.sendall(data)
                left = len(answer)
                while left:
                    left -= len(near.recv(left))
            seconds = time.perf_counter() - begin
        thread.join()
    return seconds


class Machine:
    """Rates that are measured once, when first asked for."""
    known = {}

    @classmethod
    def rate(cls, what):
        if what not in cls.known:
            data = b"\2" * (1 << 27)  # not zeros, whose pages are all the same
            works = {"memory read": lambda: data.find(b"\1"), "SHA-256": lambda: hashlib.sha256(data).digest()}
            cls.known[what] = len(data) / best_of(5, works[what])
        return cls.known[what]

    @classmethod
    def limit(cls, what, size):
        return what, size / cls.rate(what)

    @classmethod
    def loopback(cls, n, size):
        """n exchanges of size bytes."""
        if size not in cls.known:
            rounds = min(1000, max(20, (64 << 20) // size))
            cls.known[size] = min(loopback(size, rounds) for _ in range(3)) / rounds
        return "loopback", n * cls.known[size]


# ---- Counting.

def lines(path, word=b""):
    """How many lines of the file have the word."""
    with open(path, "rb") as f:
        return sum(word in line for line in f)


def number(path):
    with open(path, "rb") as f:
        return int(f.read())


def sound(path):
    """Records that av-validate finds no fault with."""
    with open(path, "rb") as f:
        return sum(b'"error"' not in line and b'"sha256"' in line for line in f)


# ---- Services.

def end(child):
    child.terminate()
    child.wait()
    child.stdout.close()


class Sandbox:
    """An av-sandbox. env has its addresses and keys, as its command would have them."""

    def __init__(self, *options):
        self.child = subprocess.Popen(["av-sandbox", *options], stdout=subprocess.PIPE)
        said = json.loads(self.child.stdout.readline())
        self.env, self.stats_url = said["env"], said["stats"]

    def stats(self, provider):
        with urllib.request.urlopen(self.stats_url) as answer:
            return json.load(answer)[provider]

    def close(self):
        end(self.child)


def shots(n):
    """n small pictures, each another one."""
    if len(glob.glob("shots/*.png")) < n:
        os.makedirs("shots", exist_ok=True)
        subprocess.run([sys.executable, HERE + "/../soak/shots.py", "shots", str(n)], check=True)
    return sorted(glob.glob("shots/*.png"))[:n]


def made(n, box, provider="avtr1"):
    """Has the sandbox make n avatars. Returns the file with their records."""
    name = "made-%s-%d.jsonl" % (provider, n)
    photos = shots(min(n, 20000))
    with open("make.jsonl", "w") as f:
        for i in range(n):
            f.write('{"file":"%s","provider":"%s","name":"n%d"}\n' % (photos[i % len(photos)], provider, i))
    with open("make.jsonl") as records, open(name, "w") as out:
        subprocess.run(["av-upload", "-q", "-j", "64", "--rate", "1000000", "--ledger", "none"], check=True,
                       stdin=records, stdout=out, env=dict(os.environ, **box.env))
    return name


# ---- Uploads.

def upload(n, delay):
    photos = shots(n)
    box = Sandbox("--delay", str(delay))
    with open("upload-%d.jsonl" % n, "w") as out:
        subprocess.run(["av-validate", "-p", "avtr1", *photos], stdout=out, check=True)
    key, url = box.env["AVTR1_API_KEY"], box.env["AVTR1_API_URL"]
    one = ('url = "%s/avatars"\nheader = "Authorization: Bearer %s"\nform = "image=@%s;type=image/png"\n'
           'form = "name=%s"\noutput = /dev/null\n')
    with open("upload-%d.curl" % n, "w") as out:
        out.write("next\n".join(one % (url, key, photo, os.path.basename(photo)[:-4]) for photo in photos))
    shutil.rmtree("ledgers", ignore_errors=True)
    os.mkdir("ledgers")
    state = {"account": 0, "creates": 0}

    def before():
        # A new account, so that the ledger knows none of its photos.
        state["account"] += 1
        box.env["AVTR1_ACCOUNT"] = "bench%d" % state["account"]
        state["creates"] = box.stats("avtr1")["creates"]

    def count(_):
        return box.stats("avtr1")["creates"] - state["creates"]

    def side(name, ledger):
        return ours(name, ["av-upload", "-q", "-j", "64", "--ledger", ledger], stdin="upload-%d.jsonl" % n,
                    env=box.env, before=before, count=count)

    postgres = Postgres()
    sides = [side("no ledger", "none"), side("ledger", "ledgers/here.db"),
             *([side("ledger in PostgreSQL", postgres.url)] if postgres.url else []),
             Side("curl --parallel", ["curl", "-s", "--parallel", "--parallel-max", "64", "-K", "upload-%d.curl" % n],
                  before=before, count=count, package="curl")]
    limit = ("service", n * delay / 64e3) if delay else Machine.loopback(n, 2048)

    def close():
        box.close()
        postgres.close()
    return Job(n, sides, limit, close)


class Postgres:
    """A PostgreSQL with an empty ledger. url is None without one."""

    def __init__(self):
        self.url = None
        if not glob.glob("/usr/lib/postgresql/*/bin/initdb"):
            print("skipped: ledger in PostgreSQL: install Debian's postgresql")
            return
        # Its own user has to reach the folder, and the name of its socket has to be short.
        self.folder = tempfile.mkdtemp()
        self.child = subprocess.Popen(["bash", HERE + "/../servers/postgres", self.folder], stdout=subprocess.PIPE,
                                      text=True)
        atexit.register(self.close)
        self.url = self.child.stdout.readline().strip()
        subprocess.run(["av-ledger", "init", "--ledger", self.url], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def close(self):
        if self.url:
            self.url = None
            end(self.child)
            shutil.rmtree(self.folder)
            os.remove(self.folder + ".log")


@case("upload", "uploads, 64 in flight, answered at once", "photos", 20, 200, 2000)
def _(n):
    return upload(n, 0)


@case("upload-20ms", "uploads, 64 in flight, answered after 20 ms", "photos", 20, 200, 2000)
def _(n):
    return upload(n, 20)


# ---- Photos.

def photos(kind, n):
    """n photos: a few different ones, in turn."""
    folder = "%s-photos" % kind
    if not os.path.isdir(folder):
        os.mkdir(folder + ".new")
        for i in range(4):
            jpeg = "%s.new/%d.jpg" % (folder, i)
            subprocess.run(["convert", "-size", "480x270", "-seed", str(i), "plasma:fractal", "-resize", "1920x1080!",
                            "-attenuate", "0.5", "+noise", "gaussian", "-depth", "8", "-quality", "85", jpeg],
                           check=True)
            if kind == "png":
                subprocess.run(["convert", jpeg, "-resize", "960x540", "-define", "png:color-type=2",
                                jpeg[:-3] + "png"], check=True)
                os.remove(jpeg)
        os.rename(folder + ".new", folder)
    for i in range(4, n):
        copy = "%s/%d.%s" % (folder, i, kind)
        if not os.path.exists(copy):
            shutil.copy("%s/%d.%s" % (folder, i % 4, kind), copy)
    return ["%s/%d.%s" % (folder, i, kind) for i in range(n)]


def pillow(name, work, files, **more):
    script = ("import sys\nfrom PIL import Image\nfor name in sys.argv[1:]:\n"
              "    with Image.open(name) as image:\n        image.%s()\n    print(name)\n" % work)
    return Side(name, [PYTHON, "-c", script, *files], package="python3-pil", **more)


def sha256_of(files):
    return Machine.limit("SHA-256", sum(map(os.path.getsize, files)))


def validate(name, options, files, **more):
    return ours(name, ["av-validate", "-q", "-p", "loom", *options, *files], count=sound, **more)


@case("png", "PNG, every byte, on one core", "photos", 2, 20, 200)
def _(n):
    files = photos("png", n)
    sides = [validate("av-validate", ["-j", "1"], files, one_core=True),
             Side("sha256sum", ["sha256sum", *files], one_core=True, package="coreutils"),
             pillow("Pillow, verify: checksums alone", "verify", files, kind="part", one_core=True)]
    return Job(n, sides, sha256_of(files))


@case("png-pixels", "PNG, every pixel, on one core", "photos", 2, 20, 200)
def _(n):
    files = photos("png", n)
    sides = [validate("av-validate --decode", ["-j", "1", "--decode"], files, one_core=True),
             Side("pngcheck", ["pngcheck", *files], one_core=True, package="pngcheck", count=lambda o: lines(o, b"OK:")),
             pillow("Pillow, load", "load", files, one_core=True)]
    return Job(n, sides, sha256_of(files))


@case("png-large", "one PNG of 3840 x 2160, every byte, on two cores", "photos", 1)
def _(n):
    if not os.path.exists("large.png"):
        small, = photos("jpg", 1)
        subprocess.run(["convert", small, "-resize", "3840x2160", "-define", "png:color-type=2", "large.png"], check=True)
    sides = [validate("av-validate", [], ["large.png"]), Side("sha256sum", ["sha256sum", "large.png"]),
             Side("pngcheck", ["pngcheck", "large.png"], package="pngcheck")]
    return Job(n, sides, sha256_of(["large.png"]))


def intact(output):
    """Photos that jpeginfo finds intact."""
    return lines(output, b"OK")


@case("jpeg", "JPEG, every pixel, on one core", "photos", 2, 20, 200)
def _(n):
    files = photos("jpg", n)
    sides = [validate("av-validate --decode", ["-j", "1", "--decode"], files, one_core=True),
             Side("jpeginfo -c", ["jpeginfo", "-c", *files], one_core=True, package="jpeginfo", count=intact),
             pillow("Pillow, load", "load", files, one_core=True)]
    return Job(n, sides, sha256_of(files))


@case("jpeg-two", "JPEG, every pixel, on two cores", "photos", 2, 20, 200)
def _(n):
    files = photos("jpg", n)
    with open("jpeg.txt", "w") as f:
        f.write("\n".join(files))
    sides = [validate("av-validate --decode", ["-j", "2", "--decode"], files),
             Side("2 x jpeginfo -c", ["xargs", "-P2", "-n%d" % ((n + 1) // 2), "jpeginfo", "-c"], stdin="jpeg.txt",
                  programs=["jpeginfo"], package="jpeginfo", count=intact)]
    return Job(n, sides, sha256_of(files))


# ---- Starting.

def starts(n, name, argv, **more):
    """n processes, one after the other."""
    script = 'i=0; while [ $i -lt %d ]; do "$@" >/dev/null || exit; i=$((i+1)); done; echo $i' % n
    return Side(name, ["sh", "-c", script, "sh", *argv], programs=argv[:1], count=number, **more)


@case("one-photo", "one process for one photo", "processes", 100)
def _(n):
    photo, = photos("jpg", 1)
    sides = [starts(n, "av-validate", ["av-validate", "-q", "-p", "loom", photo], kind="ours"),
             starts(n, "av-validate --decode", ["av-validate", "-q", "-p", "loom", "--decode", photo], kind="ours"),
             starts(n, "identify -ping", ["identify", "-ping", photo], package="imagemagick"),
             starts(n, "curl -V", ["curl", "-V"], package="curl", kind="part"),
             starts(n, "true", ["/bin/true"], kind="limit")]
    return Job(n, sides)


@case("start", "start-up", "processes", 100)
def _(n):
    sides = [starts(n, "av-upload -V", ["av-upload", "-V"], kind="ours"),
             starts(n, "curl -V", ["curl", "-V"], package="curl"),
             starts(n, "true", ["/bin/true"], kind="limit")]
    return Job(n, sides)


# ---- Records.

def passed_on(n, programs, record):
    name = "records.jsonl"
    with open(name, "w") as f:
        for i in range(n):
            f.write(record % {"i": i})

    def same(output):
        if not filecmp.cmp(name, output, shallow=False):
            raise Wrong("a record was changed on its way")
        return n
    sides = [ours(program, [program, "-q", "--exit-zero", "--ledger", "none"], stdin=name, count=same)
             for program in programs]
    sides.append(Side("jq -c .", ["jq", "-c", "."], stdin=name, package="jq"))
    sides.append(Side("cat", ["cat"], stdin=name, kind="part"))
    return Job(n, sides, Machine.limit("memory read", os.path.getsize(name)))


@case("pass", "finished records passed on", "records", 5000, 50000, 500000)
def _(n):
    return passed_on(n, ["av-poll", "av-upload"],
                     '{"file":"p/%(i)d.jpg","provider":"argil","image":{"type":"image/jpeg","bytes":%(i)d,'
                     '"width":1920,"height":1080},"avatar":{"id":"7b0f-%(i)d","status":"ready",'
                     '"provider_status":"IDLE"}}\n')


@case("pass-failed", "failed records passed on", "records", 5000, 50000, 500000)
def _(n):
    return passed_on(n, ["av-poll", "av-upload"],
                     '{"file":"photos/%(i)010d.jpg","provider":"anam","name":"%(i)08d","image":{"type":"image/jpeg",'
                     '"bytes":240131,"width":1920,"height":1080},"error":{"step":"validate","code":"invalid_photo",'
                     '"message":"the photo is too wide: the service accepts at most 1024 pixels",'
                     '"retryable":false,"problems":[{"code":"too_wide","message":"1920 pixels wide","got":1920,'
                     '"wanted":1024}]}}\n')


# ---- Waiting.

@case("poll", "poll one by one, answered after 20 ms", "avatars", 200, 2000, 20000)
def _(n):
    box = Sandbox("--delay", "20", "--rate", "loom=0", "--ready-after", "0")
    records = made(n, box, "loom")
    token = json.loads(subprocess.run(["av-token", "-p", "loom"], env=dict(os.environ, **box.env), check=True,
                                      stdout=subprocess.PIPE).stdout)["access_token"]
    one = 'url = "%s/avatars/%s"\nheader = "Authorization: Bearer %s"\nhead\n'
    with open(records) as made_ones, open("poll.curl", "w") as out:
        out.write("next\n".join(one % (box.env["LOOM_API_URL"], json.loads(line)["avatar"]["id"], token)
                                for line in made_ones))
    argv = ["av-poll", "-q", "--rate", "1000000", "--ledger", "none"]

    def ready(output):
        return lines(output, b'"status":"ready"')
    sides = [ours("default -j", argv, stdin=records, env=box.env, count=ready),
             ours("-j 64", [*argv, "-j", "64"], stdin=records, env=box.env, count=ready),
             Side("curl --parallel", ["curl", "-s", "--parallel", "--parallel-max", "64", "-K", "poll.curl"],
                  package="curl", count=lambda output: lines(output, b"X-Loom-Status:"))]
    return Job(n, sides, ("service", n * 20e-3 / 64), box.close)


@case("wait", "waiting: processor time of asking about each avatar once", "avatars", 1000, 10000, 100000)
def _(n):
    box = Sandbox("--ready-after", "3600000")
    records = made(n, box)
    pages = n // 100  # of the service's list, which av-poll reads in place of asking about each

    def run(argv, env):
        """Lets av-poll wait. Returns its processor time for one round of polls, as both times, and its most memory."""
        with open(records) as given:
            child = subprocess.Popen(argv, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        clock = ~child.pid << 3 | 2  # the process's, as clock_getcpuclockid() tells it
        asked, spent = [box.stats("avtr1")["lists"]], [0.0]
        for _ in range(2):  # the first round has the start in it
            while (now := box.stats("avtr1")["lists"]) < asked[-1] + pages:
                if child.poll() is not None:
                    raise Wrong("av-poll ended while it had to wait")
                time.sleep(0.2)
            spent.append(time.clock_gettime(clock))
            asked.append(now)
        with open("/proc/%d/status" % child.pid) as f:
            memory = next(int(text.split()[1]) << 10 for text in f if text.startswith("VmHWM"))
        child.kill()
        child.wait()
        cpu = (spent[2] - spent[1]) * pages / (asked[2] - asked[1])
        return cpu, cpu, memory
    side = ours("av-poll", ["av-poll", "-q", "--rate", "1000000", "--interval", "5s", "--ledger", "none"],
                stdin=records, env=box.env, run=run, count=lambda _: n)
    return Job(n, [side], None, box.close, os.path.getsize(records))


# ---- Downloads and lists.

class Files:
    """server.py, with the files of a folder."""

    def __init__(self, folder):
        self.child = subprocess.Popen([sys.executable, HERE + "/server.py", folder], stdout=subprocess.PIPE, text=True)
        self.url = self.child.stdout.readline().strip()

    def close(self):
        end(self.child)


@case("download", "downloads of 200 kB, 64 at a time", "pictures", 20, 200, 2000)
def _(n):
    if not os.path.exists("picture/picture.png"):
        os.makedirs("picture", exist_ok=True)
        noise = b"P6 258 258 255\n" + hashlib.shake_256(b"bench").digest(258 * 258 * 3)  # does not compress
        subprocess.run(["convert", "ppm:-", "picture/picture.png"], input=noise, check=True)
    size = os.path.getsize("picture/picture.png")
    server = Files("picture")
    with open("download.txt", "w") as urls, open("download.curl", "w") as config:
        for i in range(n):
            urls.write("%s/%d.png\n" % (server.url, i))
            config.write('url = "%s/%d.png"\noutput = "fetched/%d.png"\n' % (server.url, i, i))

    def before():
        # The files of the side before are emptied and kept to the end: without a journal, ext4 passes over all inodes
        # that were freed in the last minutes, one by one, for each new file. That took two thirds of curl's time.
        for path in glob.glob("fetched/*"):
            os.truncate(path, 0)
        if os.path.isdir("fetched"):
            spent = tempfile.mkdtemp(prefix="spent.", dir=os.getcwd())
            atexit.register(shutil.rmtree, spent)
            os.rename("fetched", spent)
        os.mkdir("fetched")
        os.sync()

    def whole(_):
        return sum(os.path.getsize(path) == size for path in glob.glob("fetched/*"))
    curl = ["curl", "-s", "--parallel", "--parallel-max", "64", "-K", "download.curl"]
    sides = [ours("av-fetch", ["av-fetch", "-q", "-j", "64", "-o", "fetched", "--allow-private"],
                  stdin="download.txt", before=before, count=whole),
             Side("curl --parallel", curl, before=before, count=whole, package="curl"),
             Side("curl, then sync", ["sh", "-c", '"$@" && sync -f fetched', "sh", *curl], before=before,
                  count=whole, programs=["curl"], package="curl")]
    return Job(n, sides, Machine.loopback(n, size), server.close)


JSON_C = """
import ctypes, sys
c = ctypes.CDLL("libjson-c.so.5")
c.json_tokener_parse.restype = ctypes.c_void_p
c.json_object_put.argtypes = [ctypes.c_void_p]
for name in open(sys.argv[1]).read().split():
    with open(name, "rb") as f:
        tree = c.json_tokener_parse(f.read())
    if tree and c.json_object_put(tree) == 1:
        print(name)
"""


@case("list", "list what an account has", "avatars", 1000, 10000, 100000)
def _(n):
    entry = ('{"created_at":"2026-11-27T22:45:28Z","id":"av_%026d","is_demo":false,"name":"photo %d","object":"avatar",'
             '"runtime_type":"avtr1","status":"ready"}')
    shutil.rmtree("pages", ignore_errors=True)
    os.mkdir("pages")
    names = []
    for first in range(0, n, 100):
        names.append("avatars?limit=100" + ("&starting_after=av_%026d" % (first - 1) if first else ""))
        last = first + 99
        with open("pages/" + names[-1], "w") as page:
            page.write('{"object":"list","data":[%s],"has_more":%s,"next_cursor":"av_%026d"}' % (
                ",".join(entry % (i, i) for i in range(first, last + 1)), "true" if last + 1 < n else "false", last))
    server = Files("pages")
    with open("list.curl", "w") as config, open("pages.txt", "w") as paths:
        for name in names:
            config.write('url = "%s/%s"\n' % (server.url, name))
            paths.write("pages/%s\n" % name)
    size = sum(os.path.getsize("pages/" + name) for name in names)
    sides = [ours("av-list", ["av-list", "-q", "-p", "avtr1"],
                  env={"AVTR1_API_URL": server.url, "AVTR1_API_KEY": "sesame"}),
             Side("curl | jq", ["sh", "-c", "curl -s -K list.curl | jq -c '.data[]'"], programs=["curl", "jq"],
                  package="curl and jq"),
             Side("json-c: parsing alone", [PYTHON, "-c", JSON_C, "pages.txt"], kind="part", package="libjson-c5",
                  count=lambda output: lines(output) * 100)]
    return Job(n, sides, Machine.loopback(len(names), size // len(names)), server.close)
