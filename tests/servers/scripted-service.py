#!/usr/bin/python3
"""A service that answers as it is told, for what no honest one does. Prints its base URL and serves
until it is killed.

usage: scripted-service.py SCRIPT ASKED

SCRIPT is JSON: for each "METHOD /path", with or without its query, a list of steps, of which each request takes the next and
the last one stays: status (0: the connection closes without an answer), headers, body (text, or
JSON), delay (seconds before it), date (false: no Date), seen_after (seconds after the last
request that was no GET, before which the step's `until` is the body instead).

In texts @+N@ is the time N seconds from now, @=N@ that of when the last such request came, N
seconds on, and @tag@ its tag. Each request is a line in ASKED.
"""
import json
import re
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

script = json.load(open(sys.argv[1]))
asked = open(sys.argv[2], "a", buffering=1)
lock = threading.Lock()
last = {"came": 0.0, "lost": 0.0, "tag": ""}


def stamp(seconds):
    text = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text[:-3] + "Z"


def fill(text):
    text = re.sub(r"@\+(-?[\d.]+)@", lambda m: stamp(time.time() + float(m[1])), text)
    text = re.sub(r"@=(-?[\d.]+)@", lambda m: stamp(last["came"] + float(m[1])), text)
    return text.replace("@tag@", last["tag"])


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def step(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            asked.write(f"{self.command} {self.path}\n")
            if self.command == "POST":
                last["came"] = time.time()
                tag = re.search(rb'"avtools":"(\w*)"', body)
                last["tag"] = tag[1].decode() if tag else ""
            key = f"{self.command} {self.path}"
            steps = script.get(key) or script.get(key.split("?")[0], [{"status": 404}])
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        time.sleep(step.get("delay", 0))
        if self.command == "POST":
            last["lost"] = time.time()
        return step

    def serve(self):
        step = self.step()
        status, body = step.get("status", 200), step.get("body", "")
        if status == 0:
            self.close_connection = True
            return
        if time.time() < last["lost"] + step.get("seen_after", 0):
            body = step.get("until", [])
        text = fill(body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response_only(status)
        if step.get("date", True):
            self.send_header("Date", self.date_time_string())
        for name, value in step.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_POST = do_HEAD = serve


httpd = ThreadingHTTPServer(("127.0.0.1", 0), Service)
print(f"http://127.0.0.1:{httpd.server_port}", flush=True)
httpd.serve_forever()
