#!/usr/bin/python3
"""broken-pngs.py DIR N PNG...: writes N broken copies of the PNGs to DIR, the same for the same N.

Each copy has a few random faults of one kind:
    bits    flipped bits anywhere in the file
    chunk   changed bytes in the data of a chunk, with its CRC recomputed
    pixels  changed bytes in the inflated pixel data, deflated again, with all sums recomputed
    cut     cut off at random
Prints a line for each: the file's name and what libpng says of it, "ok" or its error.
"""
import ctypes
import os
import random
import struct
import sys
import zlib

PIXELS_MAX = 1 << 24  # libpng is not asked to decode more
VERSION = 1  # PNG_IMAGE_VERSION
RGBA = 3  # PNG_FORMAT_RGBA


class Image(ctypes.Structure):
    """png_image of libpng's simplified interface (png.h)."""
    _fields_ = [("opaque", ctypes.c_void_p), ("version", ctypes.c_uint32),
                ("width", ctypes.c_uint32), ("height", ctypes.c_uint32),
                ("format", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                ("colormap_entries", ctypes.c_uint32), ("warning_or_error", ctypes.c_uint32),
                ("message", ctypes.c_char * 64)]


libpng = ctypes.CDLL("libpng16.so.16")
libpng.png_image_begin_read_from_memory.argtypes = [
    ctypes.POINTER(Image), ctypes.c_char_p, ctypes.c_size_t]
libpng.png_image_finish_read.argtypes = [
    ctypes.POINTER(Image), ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p]
libpng.png_image_free.argtypes = [ctypes.POINTER(Image)]


def verdict(data):
    image = Image(version=VERSION)
    if not libpng.png_image_begin_read_from_memory(image, data, len(data)):
        return image.message.decode()
    if image.width * image.height > PIXELS_MAX:
        libpng.png_image_free(image)
        return "too many pixels"
    image.format = RGBA
    pixels = ctypes.create_string_buffer(4 * image.width * image.height)
    if not libpng.png_image_finish_read(image, None, pixels, 0, None):
        return image.message.decode()
    return "ok"


def chunks_of(data):
    at = 8
    while at < len(data):
        size, = struct.unpack(">I", data[at:at + 4])
        yield data[at + 4:at + 8], data[at + 8:at + 8 + size]
        at += size + 12


def png_of(chunks):
    return data_start + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks)


data_start = b"\x89PNG\r\n\x1a\n"


def change(data):
    """A few bytes become others; now and then one is lost or added."""
    data = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(data)) if data else 0
        what = random.random()
        if data and what < 0.8:
            data[at] = random.randrange(256)
        elif data and what < 0.9:
            del data[at]
        else:
            data.insert(at, random.randrange(256))
    return bytes(data)


def bits(data):
    data = bytearray(data)
    for _ in range(random.randint(1, 3)):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def chunk(data):
    chunks = list(chunks_of(data))
    i = random.randrange(len(chunks))
    chunks[i] = chunks[i][0], change(chunks[i][1])
    return png_of(chunks)


def pixels(data):
    chunks = list(chunks_of(data))
    raw = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    first = [kind for kind, _ in chunks].index(b"IDAT")
    rest = [c for c in chunks[first:] if c[0] != b"IDAT"]
    return png_of(chunks[:first] + [(b"IDAT", zlib.compress(change(raw)))] + rest)


def cut(data):
    return data[:random.randrange(8, len(data))]


random.seed(1)
where, n, sources = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
for i in range(n):
    fault = (bits, chunk, pixels, cut)[i % 4]
    with open(sources[i // 4 % len(sources)], "rb") as f:
        broken = fault(f.read())
    name = f"{i:03}-{fault.__name__}.png"
    with open(os.path.join(where, name), "wb") as f:
        f.write(broken)
    print(f"{name}\t{verdict(broken)}")
