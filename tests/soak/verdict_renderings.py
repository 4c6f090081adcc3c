#!/usr/bin/env python3
"""verdict_renderings.py JOURNAL RECORDS [SERVICE...]: like verdict.py, for av-render's records.

Each record has one paid rendering. Either the journal has made it from that avatar and the file is
complete, or its outcome is unknown."""
import collections
import hashlib
import json
import sys

SERVICES = ["loom", "anam", "avtr1", "argil"]  # in the order of the journal's numbers
RENDERING, VIDEO, VIDEO_RENDER = 1, 2, 3

made = {}
times = collections.Counter()
for line in open(sys.argv[1]):
    make = json.loads(line).get("make")
    if make and make["kind"] in (RENDERING, VIDEO, VIDEO_RENDER) and not make["free"]:
        service = SERVICES[make["service"]]
        parent = make.get("parent")
        if make["kind"] == VIDEO:
            parent = make["params"]["moments"][0]["avatarId"]
        made[service, make["kind"], str(make["id"])] = parent
        times[service, make["kind"], parent] += 1

wrong = []
told = collections.defaultdict(collections.Counter)
for line in open(sys.argv[2]):
    record = json.loads(line)
    service = record["provider"]
    entry = (record.get("renderings") or [{}])[0]
    kind = VIDEO if service == "argil" else RENDERING
    error = record.get("error") or {}
    if error.get("created") == "unknown":
        told[service]["unknown"] += 1
        if service not in sys.argv[3:]:
            wrong.append("%s: its state could have settled it: %s" % (service, json.dumps(error)))
    elif error or "file" not in entry:
        told[service]["neither"] += 1
        wrong.append("%s: neither made nor unknown: %s" % (service, json.dumps(record)[-600:]))
    else:
        told[service]["made"] += 1
        if made.get((service, kind, entry["id"])) != record["avatar"]["id"]:
            wrong.append("%s: '%s' was made from another avatar" % (service, entry["id"]))
        if hashlib.sha256(open(entry["file"], "rb").read()).hexdigest() != entry["sha256"]:
            wrong.append("%s does not match its checksum" % entry["file"])

for service, count in sorted(told.items()):
    print("%s: %d rendered, %d unknown" % (service, count["made"], count["unknown"]))
wrong += ["%s: %s of %s made %d times" % (s, ["rendering", "video", "render"][k - 1], parent, n)
          for (s, k, parent), n in times.items() if n > 1]
print(*wrong[:20], sep="\n", end="\n" if wrong else "", file=sys.stderr)
sys.exit(len(wrong) > 0)
