"""What is no image at all, or another kind than its name says."""

from __future__ import annotations

import gzip
import io
import pickle
import random
import zipfile
from collections.abc import Iterator

from hostile.case import GOOD, Hostile, holding
from hostile.pristine import IMAGES


def other_content() -> Iterator[Hostile]:
    for name, content in _contents():
        yield holding(f"{name}, named .jpg", "a.jpg", content)
    for name, content in _contents():
        if name in ("HTML", "nothing", "zeros", "an ELF executable", "ZIP"):
            for suffix in ("png", "tif", "webp", "heic", "tga", "ppm", "bmp"):
                yield holding(f"{name}, named .{suffix}", f"a.{suffix}", content)
    for kind, suffix in (
        *(("JPEG", "png"), ("PNG", "jpg"), ("TIFF", "jpg"), ("GIF", "tif"), ("WebP", "heic")),
        *(("HEIC", "jpg"), ("BMP", "webp"), ("TGA", "bmp"), ("PPM", "gif"), ("AVIF", "tga")),
        *(("JPEG 2000", "png"), ("BigTIFF", "avif"), ("PNG", "mp4"), ("JPEG", "txt")),
    ):
        yield holding(f"{kind}, named .{suffix}", f"a.{suffix}", IMAGES[kind][1], GOOD)


def _contents() -> Iterator[tuple[str, bytes]]:
    yield "nothing", b""
    yield "one byte", b"\xff"
    yield "zeros", bytes(5000)
    yield "ones", b"\xff" * 5000
    yield "random bytes", random.Random(1).randbytes(20_000)
    yield "HTML", b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
    yield (
        "SVG with a billion laughs",
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha">]><svg/>',
    )
    yield "XML", b'<?xml version="1.0"?><a/>'
    yield "JSON", b'{"error": "no such image"}'
    yield "CSV", b"image,x,y\na.jpg,1,2\n"
    yield "a script", b"#!/bin/sh\nrm -rf /\n"
    yield "PHP", b"GIF89a<?php system($_GET['c']); ?>"
    yield "PDF", b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n{} loop\n"
    yield "an ELF executable", b"\x7fELF\x02\x01\x01" + bytes(200)
    yield "a Windows executable", b"MZ\x90\0" + bytes(200)
    yield "a Mach-O executable", b"\xcf\xfa\xed\xfe" + bytes(200)
    yield "a pickle", pickle.dumps([print, ("ran",)])
    yield "gzip", gzip.compress(bytes(100_000))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(50_000_000))
    yield "ZIP", file.getvalue()
    yield "tar", b"a.jpg".ljust(257, b"\0") + b"ustar\x0000" + bytes(248)
    yield "SQLite", b"SQLite format 3\0" + bytes(200)
    yield "MP3", b"ID3\x04\0\0\0\0\0\x21" + bytes(200)
    yield "WAV", b"RIFF\x24\0\0\0WAVEfmt " + bytes(30)
    yield "JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50)
    yield "PSD", b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\x10\0\0\0\x10\0\x08\0\3" + bytes(200)
    yield (
        "PSD of 300,000 x 300,000",
        b"8BPS\0\2" + bytes(6) + b"\0\3\0\4\x93\xe0\0\4\x93\xe0\0\x08\0\3" + bytes(50),
    )
    yield "DICOM", bytes(128) + b"DICM" + bytes(100)
    yield "OpenEXR", b"\x76\x2f\x31\x01\x02\0\0\0" + bytes(100)
    yield "Radiance", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 10 +X 10\n" + bytes(400)
    yield "FITS", b"SIMPLE  =                    T".ljust(2880)
    yield "DDS", b"DDS " + b"\x7c\0\0\0" + bytes(200)
    yield "PCX", b"\x0a\x05\x01\x08" + bytes(200)
    yield "XPM", b'/* XPM */\nstatic char *a[] = {"1 1 1 1", "a c #fff", "a"};'
    yield "XBM", b"#define a_width 8\n#define a_height 1\nstatic char a_bits[] = {0x00};"
    yield "Git LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    yield "UTF-16", "no image\n".encode("utf-16")
    yield "a byte order mark", b"\xef\xbb\xbf"
    yield "a NumPy array", b"\x93NUMPY\x01\0" + b"v\0{'descr': '|O', 'fortran_order': False}"
    yield "weights", b"\x02\0\0\0\0\0\0\0{}"
    yield "a name of a file", b"/etc/passwd\n"
    yield "an M3U8 playlist", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    yield "an FFmpeg list", b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield "SDP", b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 1 RTP/AVP 96\n"
