#!/usr/bin/python3
"""server.py FILE: answers each GET with the file, from memory. Prints its address, and serves until it is killed."""
import asyncio
import sys

with open(sys.argv[1], "rb") as f:
    BODY = f.read()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Client(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.said = transport, b""

    def data_received(self, data):
        self.said += data
        while b"\r\n\r\n" in self.said:
            self.said = self.said.partition(b"\r\n\r\n")[2]
            self.transport.write(ANSWER)


async def main():
    server = await asyncio.get_running_loop().create_server(Client, "127.0.0.1", 0, backlog=1024)
    print("http://127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
