#!/usr/bin/env python3
"""fit-photos.py DIR N: writes N sound photos of all shapes, types and colours to DIR, all different,
and the same for the same N. No side is below 1280 pixels, so no service needs an enlarged photo.
Needs ImageMagick with HEIC and AVIF, and exiftool."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SIZES = ["1920x1080", "1280x1280", "1300x1950", "1950x1300", "1281x1721", "1601x1441", "2401x1300",
         "1300x2401", "2160x3840", "1999x1499", "1333x1281", "1440x1561", "1536x1281", "1283x2283",
         "1632x1284", "1300x1290", "3841x2161"]

# extension, options of convert, options of exiftool
KINDS = [
    ("jpg", "-quality 85", []),
    ("jpg", "-quality 90", ["-Orientation=6"]),
    ("jpg", "-colorspace CMYK", []),
    ("png", "-define png:color-type=2", []),
    ("heic", "-quality 70", []),
    ("jpg", "-colorspace Gray", []),
    ("webp", "-quality 80", []),
    ("jpg", "-interlace JPEG -quality 92", ["-Orientation=3", "-GPSLatitude=48.1",
                                            "-GPSLatitudeRef=N"]),
    ("png", "-depth 16 -define png:color-type=2 -define png:bit-depth=16", []),
    ("png", "-alpha set -channel A -evaluate set 60% +channel", []),
    ("tiff", "-compress lzw", []),
    ("avif", "-quality 60 -define heic:speed=9", []),
    ("png", "-colors 200 -define png:color-type=3", []),
    ("jpg", "-attenuate 3 +noise gaussian -quality 100", ["-Orientation=8"]),
    ("gif", "-colors 64", []),
    ("webp", "-define webp:lossless=true -define webp:method=0", []),
    ("jpg", "-quality 60", ["-Orientation=5"]),
    ("jp2", "-quality 40", []),
    ("png", "-colorspace Gray -define png:bit-depth=16", []),
]


def photo(i):
    ext, how, exif = KINDS[i % len(KINDS)]
    name = "%03d.%s" % (i, ext)
    subprocess.run(["convert", "-size", "97x71", "-seed", str(i), "plasma:fractal", "-resize",
                    SIZES[i % len(SIZES)] + "!", "-depth", "8",
                    "-define", "png:compression-level=1", "-seed", str(i), *how.split(), name], check=True)
    if exif:
        subprocess.run(["exiftool", "-q", "-overwrite_original", "-n", *exif, name], check=True)


os.makedirs(sys.argv[1], exist_ok=True)
os.chdir(sys.argv[1])
with ThreadPoolExecutor(os.cpu_count()) as pool:
    list(pool.map(photo, range(int(sys.argv[2]))))
