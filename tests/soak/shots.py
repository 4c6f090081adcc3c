#!/usr/bin/env python3
"""shots.py DIR N [WIDTH HEIGHT]: writes N different PNG pictures to DIR, 0000.png and so on."""
import struct
import sys
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


where, n = sys.argv[1], int(sys.argv[2])
width, height = (int(a) for a in sys.argv[3:5]) if len(sys.argv) > 3 else (64, 48)
head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
rows = bytearray((1 + (width + 7) // 8) * height)  # a bit for each pixel
for i in range(n):
    rows[1:5] = struct.pack(">I", i)
    with open("%s/%04d.png" % (where, i), "wb") as f:
        f.write(head + chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))
