"""Changes that every kind of file can suffer: bytes, and trees of plain values.

Belongs here: what needs no knowledge of a format. Does not belong here: taking a file
apart and putting it together again (``targets``).
"""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

HEAD = 2048
"""Half of the flips hit the first bytes: that is where sizes and names are."""

# The edges of what readers keep sizes in, one beside, and sizes nobody has memory for.
NUMBERS: tuple[int, ...] = (
    *(0, 1, -1, 2, 3, 7, 255, 256, 65535),
    *(2**31 - 1, 2**31, -(2**31), 2**32, 2**40),
    *(2**63 - 1, 2**63, -(2**63), 2**64, 10**30),
)
FLOATS: tuple[float, ...] = (
    *(0.0, -0.0, 0.5, -1.5, 1e-320, 1e308, 1e30),
    *(float("inf"), float("-inf"), float("nan")),
)
TEXTS: tuple[str, ...] = ("", "0", "-1", "nan", "..", "\x00", "é", "x" * 300)
_EMPTY: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"": None})
_DEEP = (3, 50, 400)


def damage(rng: Random, data: bytes) -> bytes:
    """Return the bytes with something flipped, cut off, lost, doubled or added."""
    kind = rng.random()
    if not data or kind < 0.05:
        return data + rng.randbytes(rng.choice([1, 8, 100]))
    if kind < 0.25:
        return data[: rng.randrange(len(data))]
    start = rng.randrange(len(data))
    stop = min(len(data), start + rng.choice([1, 2, 4, 8, 64]))
    if kind < 0.3:
        return data[:start] + data[stop:]
    if kind < 0.35:
        return data[:stop] + data[start:]
    if kind < 0.5:
        size = rng.choice([1, 2, 4, 8])
        number = rng.choice(NUMBERS) % (1 << 8 * size)
        order = rng.choice(["little", "big"])
        return data[:start] + number.to_bytes(size, order) + data[start + size :]
    return flipped(rng, data)


def flipped(rng: Random, data: bytes) -> bytes:
    """Return the bytes with one to eight bits flipped."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        end = min(HEAD, len(data)) if rng.random() < 0.5 else len(data)
        changed[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def number(rng: Random, old: int = 0) -> int:
    """Return a number at a limit, or one near the old one."""
    if rng.random() < 0.3:
        return old + rng.choice([-2, -1, 1, 2, 8])
    return rng.choice(NUMBERS)


def scalar(rng: Random, old: object = None) -> Any:
    """Return a value of the old one's type at its limits, or one of another type."""
    if rng.random() < 0.25:
        choices: Sequence[Any] = (number(rng), *FLOATS, *TEXTS, *_EMPTY)
        return rng.choice(choices)
    if isinstance(old, bool) or old is None:
        return rng.choice(_EMPTY)
    if isinstance(old, int):
        return number(rng, old)
    if isinstance(old, float):
        return rng.choice(FLOATS)
    if isinstance(old, str) and old and rng.random() < 0.5:
        at = rng.randrange(len(old))
        return old[:at] + rng.choice(["", "9", " ", "é", "-"]) + old[at + 1 :]
    return rng.choice(TEXTS)


def tree(rng: Random, value: Any, times: int | None = None) -> Any:
    """Return a tree of dicts, lists and plain values with a few places changed."""
    for _ in range(times or rng.choice([1, 1, 1, 2, 4])):
        value = _changed(rng, value, value)
    return value


def _changed(rng: Random, value: Any, root: Any) -> Any:
    # Down into the tree four times of five, so that the leaves are reached as well.
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        return {**value, key: _changed(rng, value[key], root)}
    if isinstance(value, list | tuple) and value and rng.random() < 0.8:
        items = list(value)
        at = rng.randrange(len(items))
        items[at] = _changed(rng, items[at], root)
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict) and value:
        return _other_dict(rng, value)
    if isinstance(value, list | tuple) and value:
        return _other_list(rng, list(value))
    if rng.random() < 0.05:
        return nested(rng.choice(_DEEP))
    return _any_part(rng, root) if rng.random() < 0.1 else scalar(rng, value)


def _other_dict(rng: Random, value: dict[Any, Any]) -> Any:
    key, kind = rng.choice(list(value)), rng.randrange(5)
    rest = {name: item for name, item in value.items() if name != key}
    if kind == 0:
        return rest
    if kind == 1:
        return {**rest, f"{key}?": value[key]}
    if kind == 2:
        return {**value, rng.choice(TEXTS): rng.choice(list(value.values()))}
    return list(value.values()) if kind == 3 else scalar(rng)


def _other_list(rng: Random, items: list[Any]) -> Any:
    at, kind = rng.randrange(len(items)), rng.randrange(5)
    if kind == 0:
        return items[:at] + items[at + 1 :]
    if kind == 1:
        return [*items[:at], items[at], *items[at:]]
    if kind == 2:
        return items * rng.choice([2, 100])
    return [*items, scalar(rng, items[at])] if kind == 3 else scalar(rng)


def _any_part(rng: Random, value: Any) -> Any:
    while isinstance(value, dict | list | tuple) and value and rng.random() < 0.8:
        items = value.values() if isinstance(value, dict) else value
        value = rng.choice(list(items))
    return value


def nested(depth: int) -> Any:
    """Return an empty list inside of so many lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def json_bytes(rng: Random, value: Any) -> bytes:
    """Return a tree as JSON: now and then with a key twice, or as no JSON at all."""
    text = json.dumps(value, default=str)
    kind = rng.random()
    if kind > 0.98:
        # Deeper than Python's own writer goes.
        text = text.replace("{", '{"": ' + "[" * 5000 + "]" * 5000 + ", ", 1)
    if kind < 0.05 and text.startswith("{") and len(text) > 2:
        key = rng.choice(list(value))
        text = f"{text[:-1]}, {json.dumps(key)}: {json.dumps(scalar(rng))}}}"
    elif kind < 0.08:
        text = text.replace("1", "1" + "0" * 5000, 1)
    data = text.encode("utf-8", "surrogatepass")
    return damage(rng, data) if 0.08 < kind < 0.15 else data
