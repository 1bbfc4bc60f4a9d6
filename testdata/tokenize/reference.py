#!/usr/bin/env python3
"""Writes reference.jsonl: small random vocabularies, texts encoded and ids
decoded by the sentencepiece library (any 0.1.97 or later; Debian:
python3-sentencepiece). The seed is fixed.

Piece 0 is <unk>, 1 <s>, 2 </s>, 3..258 are the byte pieces; "pieces" lists the
rest as [text, score, type]. Texts are hexadecimal, as some are not UTF-8.
"""
import json
import os
import random
import struct

import sentencepiece

rnd = random.Random(20)
FIRST = 259


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def message(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def number(field, n):
    return varint(field << 3) + varint(n)


def model(pieces):
    rows = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3)]
    rows += [("<0x%02X>" % b, 0, 6) for b in range(256)] + pieces
    out = b""
    for text, score, kind in rows:
        body = message(1, text.encode()) + b"\x15" + struct.pack("<f", score) + number(3, kind)
        out += message(1, body)
    out += message(2, number(3, 2) + number(4, len(rows)) + number(35, 1))
    return out + message(3, message(1, b"identity") + number(3, 0) + number(4, 0) + number(5, 1))


def word(alphabet, low, high):
    return "".join(rnd.choice(alphabet) for _ in range(rnd.randint(low, high)))


def vocabulary(n):
    alphabet = ["ab", "ab\u2581", "abc\u00e9\u2581", "ab\u0e01\ufffd\u2581\n"][n % 4]
    seen, pieces = set(), []
    for _ in range(rnd.randint(3, 40)):
        size = rnd.choice([1, 2, 2, 2, 3, 3, 4, 5, 6])
        text = word(alphabet, size, size)
        if text in seen:
            continue
        seen.add(text)
        kind = rnd.choice([1] * 12 + [4] * (n % 3) + [5] * (n % 5))
        score = rnd.choice([-rnd.randint(0, 5), -rnd.random(), 0])
        pieces.append((text, struct.unpack("<f", struct.pack("<f", score))[0], kind))
    return alphabet.replace("\u2581", " ") + "z", pieces


def text(alphabet):
    t = word(alphabet, 0, 30).encode()
    if rnd.random() < 0.3:
        t = bytearray(t)
        for _ in range(rnd.randint(1, 4)):
            t.insert(rnd.randint(0, len(t)), rnd.choice(b"\x80\xbf\xc0\xc3\xe0\xe2\xed\xf0\xf5\xff\xa0"))
        t = bytes(t)
    if rnd.random() < 0.1:
        t += rnd.choice([b"<s>", b"</s>", b"<unk>", b"<0x41>", b"\0", b"\xed\xa0\x80", b"\xe2\x96\x81"])
    return t


def tokens(size):
    ids = []
    for _ in range(rnd.randint(1, 12)):
        r = rnd.random()
        if r < 0.4:
            ids.append(rnd.randint(FIRST, size - 1))
        elif r < 0.6:
            ids.append(3 + rnd.randint(0, 255))
        else:
            ids += [3 + b for b in rnd.choice(["\u00e9", "\u0e01", "\U0001f600", "a"]).encode()][:rnd.randint(1, 4)]
    return ids


here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "reference.jsonl"), "w") as out:
    for n in range(60):
        alphabet, pieces = vocabulary(n)
        p = sentencepiece.SentencePieceProcessor()
        p.LoadFromSerializedProto(model(pieces))
        texts = [text(alphabet) for _ in range(10)]
        ids = [tokens(FIRST + len(pieces)) for _ in range(4)]
        json.dump({
            "pieces": pieces,
            "encode": [[t.hex(), p.EncodeAsIds(t)] for t in texts],
            "decode": [[i, p.DecodeIds(i)] for i in ids],
        }, out, separators=(",", ":"))
        out.write("\n")
