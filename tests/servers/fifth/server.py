#!/usr/bin/python3
"""The invented service that puppet.json describes. Prints its base URL and serves until it is killed.

/_count tells what was made and what was wrong with requests. It has nothing in common with the
services that are built in: other methods, fields, words and ids (numbers above 2^53).
"""
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FIRST = 9007199254740993
lock = threading.Lock()
puppets, acts, wrong = {}, {}, []


class Stage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value, kind="application/json", **headers):
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, why):
        wrong.append(why)
        self.answer(400, {"why": [code, why]}, X_Ticket="t1")

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return json.loads(data)

    def with_key(self, serve):
        with lock:
            if self.headers.get("X-Puppet-Key") != "pk-secret":
                self.answer(403, {"why": ["key", "no such key"]})
            else:
                serve()

    def do_PUT(self):
        body = self.body()

        def serve():
            puppet = body.get("puppet", {})
            head, _, data = puppet.get("picture", {}).get("data", "").partition(",")
            if head != "data:image/jpeg;base64" or base64.b64decode(data)[:2] != b"\xff\xd8":
                return self.refuse("picture", "no picture")
            if set(puppet) != {"title", "picture"} or not 2 <= len(puppet["title"]) <= 12:
                return self.refuse("title", "no title")
            number = FIRST + len(puppets)
            puppets[number] = 0
            self.answer(202, {"puppet": {"number": number, "now": "carving"}})

        self.with_key(serve)

    def do_POST(self):
        body = self.body()

        def serve():
            if set(body) != {"who", "hand", "mood"} or int(body["who"]) not in puppets:
                return self.refuse("act", "no act")
            acts[len(acts)] = 0
            self.answer(201, {"now": "rehearsing"}, X_Act=str(len(acts) - 1))

        self.with_key(serve)

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/_count":
            return self.answer(200, {"made": len(puppets), "rendered": len(acts), "wrong": wrong})

        def serve():
            if url.path == "/api/stage/puppets":
                number = int(parse_qs(url.query)["number"][0])
                puppets[number] += 1
                now = "hanging" if puppets[number] > 1 else "carving"
                return self.answer(200, [{"number": number, "now": now}])
            act = int(url.path.rpartition("/")[2])
            acts[act] += 1
            if acts[act] > 1:
                return self.answer(200, {"now": "played", "drawing": f"{drawings_at}/{act}.svg"})
            return self.answer(200, {"now": "rehearsing", "drawing": None})

        self.with_key(serve)


class Drawings(Stage):
    """Another origin, where no key belongs."""

    def do_GET(self):
        if "X-Puppet-Key" in self.headers:
            wrong.append("a key at the drawings")
        self.answer(200, "<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")


drawings = ThreadingHTTPServer(("127.0.0.1", 0), Drawings)
drawings_at = f"http://127.0.0.1:{drawings.server_port}"
threading.Thread(target=drawings.serve_forever, daemon=True).start()
server = ThreadingHTTPServer(("127.0.0.1", 0), Stage)
print(f"http://127.0.0.1:{server.server_port}/api", flush=True)
server.serve_forever()
