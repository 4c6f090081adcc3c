#!/usr/bin/env python3
"""shots.py DIR N [WIDTH HEIGHT [SEED]]: writes N PNG pictures to DIR, 0000.png and so on. Each shows
other random blocks, and each SEED has its own pictures."""
import random
import struct
import sys
import zlib

BLOCKS = 8  # in a row and in a column


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


where, n = sys.argv[1], int(sys.argv[2])
width, height = (int(a) for a in sys.argv[3:5]) if len(sys.argv) > 4 else (64, 48)
seed = sys.argv[5] if len(sys.argv) > 5 else "0"
head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
row_bytes = (width + 7) // 8  # a bit for each pixel
for i in range(n):
    blocks = random.Random("%s %d" % (seed, i))
    rows = bytearray()
    for top in range(BLOCKS):
        bits = blocks.getrandbits(BLOCKS)
        row = bytes(255 * (bits >> x * BLOCKS // row_bytes & 1) for x in range(row_bytes))
        rows += (b"\0" + row) * (height * (top + 1) // BLOCKS - height * top // BLOCKS)
    with open("%s/%04d.png" % (where, i), "wb") as f:
        f.write(head + chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))
