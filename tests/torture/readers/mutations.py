"""Changes of inputs that keep to a language, so that they get past a reader's first byte.

Each function takes an input, a source of random numbers, the reader's words, and what changes
bytes without any thought (libFuzzer's way, or `scramble`).
"""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Scramble = Callable[[bytes], bytes]
Mutation = Callable[[bytes, random.Random, tuple[str, ...], Scramble], bytes]

NUMBERS = (
    *(0, 1, -1, 2, 3, 5, 7, 8, 9, 10, 64, 100, 127, 128, 255, 256, 65535, 65536, 10**6),
    *(2**31 - 1, 2**31, -(2**31), 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 10**30),
    *(0.5, -0.5, 1e-320, 1e308, -1e308, 3.4e38, 4e38),
)
SPELLINGS = (
    *("nan", "NaN", "inf", "-inf", "Infinity", "1e999", "-0", "1_0", "0x1f", "1e5", "9" * 400),
    *("", " ", "\x00", "\n", "\r", "\t", "\x1b[2J", '"', "'", ",", ";", "\\", "/", "..", "-" * 50),
    *("../a.jpg", "a.jpg", "\ufeff", "\u202e", "\ud800", "e\u0301", "\u0663", "\u00b2", "true"),
    *("null", "[]", "{}"),
)
INTEGERS = (0, 1, 2, 3, 4, 7, 8, 12, 16, 32, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31)


def scramble(data: bytes, rng: random.Random) -> bytes:
    """Change bytes as libFuzzer does: flip, overwrite, insert, take out, copy."""
    text = bytearray(data)
    for _ in range(1 << rng.randrange(4)):
        at = rng.randrange(len(text) + 1)
        size = min(len(text) - at, 1 << rng.randrange(7))
        kind = rng.randrange(6)
        if kind == 0 and at < len(text):
            text[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(text):
            text[at] = rng.randrange(256)
        elif kind == 2:
            text[at:at] = rng.randbytes(1 << rng.randrange(4))
        elif kind == 3:
            del text[at : at + size]
        elif kind == 4:
            text[at:at] = text[at : at + size]
        else:
            to = rng.randrange(len(text) + 1)
            text[to : to + size] = text[at : at + size]
    return bytes(text)


def changed_bytes(
    data: bytes, rng: random.Random, words: tuple[str, ...], scrambled: Scramble
) -> bytes:
    """Whole numbers of files: offsets, counts, sizes, in either order of bytes."""
    if not data or rng.random() < 0.5:
        return scrambled(data)
    text = bytearray(data)
    for _ in range(1 + rng.randrange(3)):
        size = rng.choice((1, 2, 4, 8))
        value = rng.choice((*INTEGERS, len(data), len(data) - 1, rng.randrange(len(data) + 1)))
        order = rng.choice(("little", "big"))
        at = min(rng.randrange(len(text)), rng.randrange(len(text)))  # more often at the beginning
        at -= at % rng.choice((1, 2, 4))
        text[at : at + size] = (value % 256**size).to_bytes(size, order)
    if words and rng.random() < 0.2:
        at = rng.randrange(len(text))
        word = rng.choice(words).encode("latin-1")
        text[at : at + len(word)] = word
    return bytes(text)


def changed_json(
    data: bytes, rng: random.Random, words: tuple[str, ...], scrambled: Scramble
) -> bytes:
    """Values, names and lists of a JSON document; of JSON lines, one of them."""
    if rng.random() < 0.1:
        return scrambled(data)
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    for chosen in (slice(None), slice(at, at + 1)):
        with suppress(ValueError, RecursionError):
            document = json.loads(b"\n".join(lines[chosen]))
            for _ in range(1 + rng.randrange(3)):
                document = _changed_tree(document, rng, words)
            text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
            lines[chosen] = [text.encode("utf-8", "surrogatepass")]
            return b"\n".join(lines)
    return scrambled(data)


def _changed_tree(document: Any, rng: random.Random, words: tuple[str, ...]) -> Any:
    holders = [node for node in _nodes(document) if isinstance(node, (dict, list)) and node]
    if not holders:
        return _value(document, rng, words)
    node = rng.choice(holders)
    keys = list(node) if isinstance(node, dict) else range(len(node))
    key = rng.choice(list(keys))
    kind = rng.randrange(8)
    if kind <= 2:
        node[key] = _value(document, rng, words)
    elif kind == 3:
        del node[key]
    elif kind == 4 and isinstance(node, list):
        node.insert(key, json.loads(json.dumps(node[rng.randrange(len(node))])))
    elif kind == 4:
        node[rng.choice(words or SPELLINGS)] = node[key]
    elif kind == 5 and isinstance(node, dict):
        node[rng.choice(SPELLINGS + words)] = node.pop(key)
    elif kind == 6:
        node[key] = [node[key]]
    else:
        node[key] = {rng.choice(words or ("a",)): node[key]}
    return document


def _value(document: Any, rng: random.Random, words: tuple[str, ...]) -> Any:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice((None, True, False, [], {}, [[]], [None], "", float("nan"), float("inf")))
    if kind <= 2:
        return rng.choice(NUMBERS)
    if kind == 3:
        return rng.choice(SPELLINGS)
    if kind == 4 and words:
        return rng.choice(words)
    # A part of the document, at another place.
    return json.loads(json.dumps(rng.choice(_nodes(document))))


def _nodes(document: Any) -> list[Any]:
    found, waiting = [], [document]
    while waiting and len(found) < 1000:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, (dict, list)):
            waiting += node.values() if isinstance(node, dict) else node
    return found


def changed_lines(
    data: bytes, rng: random.Random, words: tuple[str, ...], scrambled: Scramble
) -> bytes:
    """Lines of a text, and the fields of one, apart by commas or blanks."""
    if rng.random() < 0.15:
        return scrambled(data)
    lines = data.split(b"\n")
    for _ in range(1 + rng.randrange(3)):
        at = rng.randrange(len(lines))
        kind = rng.randrange(8)
        if kind == 0:
            lines.insert(at, lines[rng.randrange(len(lines))])
        elif kind == 1 and len(lines) > 1:
            del lines[at]
        elif kind == 2:
            lines[at] += rng.choice((b"\r", b"\r\n", b"\n", b" ", b"\0", b"\xff", b'"'))
        else:
            lines[at] = _changed_line(lines[at], rng, words)
    return b"\n".join(lines)


def _changed_line(line: bytes, rng: random.Random, words: tuple[str, ...]) -> bytes:
    fields = re.split(rb"([,\s=<>:]+)", line)
    at = rng.randrange(len(fields))
    kind = rng.randrange(6)
    if kind == 0:
        del fields[at]
    elif kind == 1:
        fields.insert(at, fields[rng.randrange(len(fields))])
    elif kind == 2:
        fields.insert(at, rng.choice((b",", b" ", b'"', b"\t", b";")))
    else:
        fields[at] = _spelled(rng, words)
    return b"".join(fields)


def _spelled(rng: random.Random, words: tuple[str, ...]) -> bytes:
    kinds: tuple[tuple[Any, ...], ...] = (NUMBERS, SPELLINGS, words or SPELLINGS)
    return str(rng.choice(rng.choice(kinds))).encode("utf-8", "surrogatepass")


def changed_xml(
    data: bytes, rng: random.Random, words: tuple[str, ...], scrambled: Scramble
) -> bytes:
    """Elements and attributes of a document."""
    if rng.random() < 0.15:
        return scrambled(data)
    parts = re.findall(rb"<[^>]*>|[^<]+|<", data)
    for _ in range(1 + rng.randrange(3)):
        if not parts:
            return scrambled(data)
        at, other = rng.randrange(len(parts)), rng.randrange(len(parts))
        kind = rng.randrange(6)
        if kind == 0:
            del parts[at]
        elif kind == 1:
            parts[at:at] = parts[other : other + rng.randrange(6)]
        elif kind == 2:
            parts[at], parts[other] = parts[other], parts[at]
        else:
            values = list(re.finditer(rb'"[^"]*"|\w+', parts[at]))
            if values:
                place = rng.choice(values)
                word = _spelled(rng, words)
                word = b'"' + word + b'"' if place[0].startswith(b'"') else word
                parts[at] = parts[at][: place.start()] + word + parts[at][place.end() :]
    return b"".join(parts)


def changed_png(
    data: bytes, rng: random.Random, words: tuple[str, ...], scrambled: Scramble
) -> bytes:
    """As bytes, with the checksums of its parts put right, and often in what is compressed."""
    parts = _png_parts(data)
    if parts and rng.random() < 0.3:
        kind, content = parts[at := rng.randrange(len(parts))]
        if kind == b"IDAT":
            with suppress(zlib.error):
                content = zlib.compress(scrambled(zlib.decompress(content)), 1)
        else:
            content = changed_bytes(content, rng, words, scrambled)
        parts[at] = kind, content
    else:
        parts = _png_parts(changed_bytes(data, rng, words, scrambled))
    return data[:8] + b"".join(map(_checked_part, parts))


def _checked_part(part: tuple[bytes, bytes]) -> bytes:
    kind, content = part
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _png_parts(data: bytes) -> list[tuple[bytes, bytes]]:
    parts, at = [], 8
    while at + 12 <= len(data):
        size = min(int.from_bytes(data[at : at + 4], "big"), len(data))
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return parts


def changed_header(
    data: bytes, rng: random.Random, words: tuple[str, ...], scrambled: Scramble
) -> bytes:
    """The JSON before tensors (safetensors), with its length put right."""
    size = int.from_bytes(data[:8], "little")
    if rng.random() < 0.2 or not 0 < size <= len(data) - 8:
        return changed_bytes(data, rng, words, scrambled)
    header = changed_json(data[8 : 8 + size], rng, words, scrambled)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


LANGUAGES: dict[str, Mutation] = {
    "bytes": changed_bytes,
    "json": changed_json,
    "lines": changed_lines,
    "toml": changed_lines,
    "xml": changed_xml,
    "png": changed_png,
    "safetensors": changed_header,
}
"""The ways to change an input, by a reader's language."""
