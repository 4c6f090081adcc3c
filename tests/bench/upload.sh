#!/bin/bash
# upload.sh [PHOTOS] [ROUNDS]: times of uploads at -j 64: av-upload without and with a ledger, and
# curl --parallel with the same requests, in turn, against a sandbox that answers at once and one
# that answers after 20 ms. Prints median and minimum of wall and processor time. Run it with bin/
# in PATH.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export XDG_STATE_HOME=$dir/state ROUNDS=${2:-7}
mkdir photos
python3 "$here/../soak/shots.py" photos "${1:-2000}"
av-validate -p avtr1 photos/*.png >photos.jsonl

cat >measure.py <<'PY'
import os, statistics, subprocess, time

ours = ['av-upload', '-q', '-j', '64', '--ledger']
commands = {'none': ours + ['none'], 'ledger': ours + ['ledger.db'],
            'curl': ['curl', '-s', '--parallel', '--parallel-max', '64', '-K', 'curl.cfg']}
spent = {name: [] for name in commands}


def config():
    """The requests of av-upload, for curl."""
    one = ('url = "%s/avatars"\nheader = "Authorization: Bearer %s"\n'
           'form = "image=@photos/%s;type=image/png"\nform = "name=%s"\noutput = /dev/null\n')
    with open('curl.cfg', 'w') as f:
        f.write('next\n'.join(one % (os.environ['AVTR1_API_URL'], os.environ['AVTR1_API_KEY'],
                                     name, name[:-4]) for name in sorted(os.listdir('photos'))))


def run(name, account):
    """Wall and processor time. A new account each time, so that everything is made."""
    with open('photos.jsonl') as photos:
        begin = time.perf_counter()
        child = subprocess.Popen(commands[name], stdin=photos, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL,
                                 env=dict(os.environ, AVTR1_ACCOUNT='%s' % account))
        _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit('%s ended with %d' % (name, status))
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime


config()
for i in range(int(os.environ['ROUNDS']) + 1):
    for name in commands:
        seconds = run(name, i)
        if i > 0:  # the first round warms up
            spent[name].append(seconds)
for what, best in (('median', statistics.median), ('quickest', min)):
    passed, cpu = ({name: best(s[i] for s in spent[name]) for name in spent} for i in (0, 1))
    for a, b in (('none', 'curl'), ('ledger', 'none')):
        print('%-9s %-7s to %-5s  wall %6.3f %6.3f  %5.2f   processor %6.3f %6.3f  %5.2f' % (
            what, a, b, passed[a], passed[b], passed[a] / passed[b],
            cpu[a], cpu[b], cpu[a] / cpu[b]))
PY

for delay in 0 20; do
	echo "${1:-2000} uploads, answered after $delay ms: av-upload without a ledger, with one, curl --parallel"
	av-sandbox --delay $delay -- python3 measure.py
	rm -rf ledger.db*
done
