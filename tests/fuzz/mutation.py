"""Damage that any target can use: to bytes, to JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

ODD_BYTES = (0x00, 0x01, 0x20, 0x2F, 0x3F, 0x40, 0x51, 0x7F, 0x80, 0x90, 0xB0, 0xC0, 0xF0, 0xF7, 0xFE, 0xFF)
ODD_NUMBERS = (0, 1, -1, 2, 0.5, -0.5, 1e9, 1e308, -1e308, 2**31, 2**31 - 1, 2**53, 2**63, 2**64, 10**400)
ODD_TEXTS = (
    "",
    " ",
    "x",
    "\0",
    "\ud800",
    "é" * 300,
    "../../etc/passwd",
    "{}",
    "NaN",
    "<b>",
    "0",
    "𝄞",
    "\n\r",
)


def damage_bytes(content: bytes, random: Random, others: Sequence[bytes] = ()) -> bytes:
    """A few changes somewhere in `content`; pieces of `others` may come in."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 3, 8, 30))):
        at = random.randrange(len(data) + 1)
        length = random.choice((1, 1, 2, 4, 16, 200))
        change = random.randrange(7)
        if change == 0 and at < len(data):
            data[at] ^= 1 << random.randrange(8)
        elif change == 1 and at < len(data):
            data[at] = random.choice(ODD_BYTES)
        elif change == 2:
            data[at:at] = bytes(random.choice(ODD_BYTES) for _ in range(length))
        elif change == 3:
            del data[at : at + length]
        elif change == 4:
            data[at:at] = data[at : at + length] * random.choice((1, 2, 20))
        elif change == 5 and others:
            other = random.choice(others)
            begin = random.randrange(len(other) + 1)
            data[at : at + length] = other[begin : begin + random.choice((4, 50, 1000))]
        elif change == 6 and random.random() < 0.2:
            del data[at:]
    return bytes(data)


def odd_value(random: Random) -> Any:
    """A value that hardly anybody expects."""
    return random.choice(
        (
            lambda: random.choice(ODD_NUMBERS),
            lambda: random.choice(ODD_TEXTS),
            lambda: random.choice((None, True, False, [], {}, [[]], {"a": {}}, float("nan"), float("inf"))),
            lambda: [random.choice(ODD_NUMBERS)] * random.choice((1, 4, 300)),
        )
    )()


def damage_json(value: Any, random: Random) -> bytes:
    """JSON text of `value` with a few places changed; sometimes text that is hardly JSON any more."""
    tree = [copy.deepcopy(value)]
    for _ in range(random.choice((1, 1, 2, 4))):
        holder, key = random.choice(_places(tree))
        change = random.randrange(5)
        if change == 0:
            holder[key] = odd_value(random)
        elif change == 1 and holder is not tree:
            del holder[key]
        elif change == 2 and isinstance(holder[key], (int, float)) and abs(holder[key]) < 2**64:
            holder[key] = holder[key] * random.choice((-1, 0, 0.5, 2, 1e6)) + random.choice((0, 1, -1))
        elif change == 3 and isinstance(holder[key], list) and holder[key]:
            holder[key] *= random.choice((2, 3, 50))
        elif change == 4 and isinstance(holder[key], dict):
            holder[key][random.choice(ODD_TEXTS)] = odd_value(random)
    text = json.dumps(tree[0]).encode("utf-8", "surrogatepass")
    if random.random() < 0.02:
        depth = random.choice((100, 5_000, 100_000))
        text = text.replace(b"null", b"[" * depth + b"]" * depth, 1)
        return text if random.random() < 0.5 else b"[" * depth + b"1" + b"]" * depth
    return damage_bytes(text, random) if random.random() < 0.15 else text


def _places(tree: list[Any]) -> list[tuple[Any, Any]]:
    """Every holder and key in a tree, at most some thousands."""
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [tree]
    while waiting and len(places) < 5_000:
        holder = waiting.pop()
        keys: Any = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            places.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                waiting.append(holder[key])
    return places
