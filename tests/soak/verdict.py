#!/usr/bin/env python3
"""verdict.py JOURNAL RECORDS N [SERVICE...]: compares av-upload's records with what was made.

Each service must have N records. A record has either an avatar, which the sandbox's journal must
have made from that photo, or an unknown outcome, which only the named SERVICEs may have. No avatar
may have been made twice. Prints a line for each service; exits 1 if something is wrong."""
import collections
import json
import sys

SERVICES = ["loom", "anam", "avtr1", "argil"]  # in the order of the journal's numbers
AVATAR = 0

made = {}
times = collections.Counter()
for line in open(sys.argv[1]):
    make = json.loads(line).get("make")
    if make and make["kind"] == AVATAR:
        service = SERVICES[make["service"]]
        made[service, str(make["id"])] = make["photo"]
        times[service, make["photo"]] += 1

wrong = []
told = collections.defaultdict(collections.Counter)
ids = collections.Counter()
for line in open(sys.argv[2]):
    record = json.loads(line)
    service = record["provider"]
    photo = record.get("image", {}).get("sha256")
    if "avatar" in record and not record.get("error"):
        told[service]["made"] += 1
        ids[service, record["avatar"]["id"]] += 1
        if made.get((service, record["avatar"]["id"])) != photo:
            wrong.append("%s: '%s' was made from another photo than %s" %
                         (service, record["avatar"]["id"], record["file"]))
    elif (record.get("error") or {}).get("created") == "unknown":
        told[service]["unknown"] += 1
        if service not in sys.argv[4:]:
            wrong.append("%s: the list could have settled it: %s" %
                         (service, json.dumps(record["error"])[:600]))
    else:
        told[service]["neither"] += 1
        wrong.append("%s: neither made nor unknown: %s" % (service, json.dumps(record)[:600]))

for service in SERVICES:
    count = told[service]
    if not count:
        continue
    twice = sum(n - 1 for (s, _), n in times.items() if s == service)
    print("%s: %d made, %d unknown, %d made by the service, %d twice" %
          (service, count["made"], count["unknown"],
           sum(n for (s, _), n in times.items() if s == service), twice))
    if sum(count.values()) != int(sys.argv[3]):
        wrong.append("%s: %d records" % (service, sum(count.values())))
    if twice:
        wrong.append("%s: made twice" % service)
wrong += ["%s: '%s' is in %d records" % (*k, n) for k, n in ids.items() if n > 1]
print(*wrong[:20], sep="\n", end="\n" if wrong else "", file=sys.stderr)
sys.exit(len(wrong) > 0)
