#!/usr/bin/python3
"""server.py FOLDER: a server that costs little beside its clients. It answers GET of .../NAME with the file NAME, with the
query in NAME, from memory; a single file is the answer to each GET. Prints its address, and serves until it is killed."""
import asyncio
import os
import sys


def answer(path):
    with open(path, "rb") as f:
        body = f.read()
    kind = b"application/json" if body.startswith(b"{") else b"image/png"
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body)) + body


ANSWERS = {name.encode(): answer(os.path.join(sys.argv[1], name)) for name in os.listdir(sys.argv[1])}
ANY = next(iter(ANSWERS.values())) if len(ANSWERS) == 1 else b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Client(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.said = transport, b""

    def data_received(self, data):
        self.said += data
        while b"\r\n\r\n" in self.said:
            request, _, self.said = self.said.partition(b"\r\n\r\n")
            self.transport.write(ANSWERS.get(request.split(b" ", 2)[1].rpartition(b"/")[2], ANY))


async def main():
    server = await asyncio.get_running_loop().create_server(Client, "127.0.0.1", 0, backlog=1024)
    print("http://127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
