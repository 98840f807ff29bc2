"""Reads and writes JSON without a limit on the size of values."""

from __future__ import annotations

import decimal
import json
import math
import re
from typing import Any, Dict, List, Tuple, Union

#: CPython rejects longer whole numbers (sys.set_int_max_str_digits), and versions before 3.11 take quadratic time.
LONGEST_INTEGER = 4300

#: A string, or a structural character.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}:,]', re.DOTALL)

#: A number beyond Python's own types, or its text when Decimal cannot hold it either.
LargeNumber = Union[decimal.Decimal, str]


def read_json(text: bytes) -> Any:
    """Parses an answer.

    A whole number of more than 4300 digits, or a fraction beyond the range of a float, becomes ``decimal.Decimal``, or
    its text when Decimal cannot hold it. Raises ValueError or RecursionError.
    """
    return json.loads(text.decode(), parse_int=_whole, parse_float=_fraction, parse_constant=_refused)


def write_json(value: Any) -> bytes:
    """Returns the JSON text of a value. Raises the errors of the value's own code."""
    return json.dumps(value, allow_nan=False).encode()


def members_of(text: bytes) -> List[Tuple[bytes, bytes]]:
    """Splits an object into raw pairs of key and value, or an array into items with empty keys.

    It matches brackets and quotes without recursion and parses no values, so it also splits documents with unparsable
    parts. Raises ValueError for an incomplete document.
    """
    text = text.strip()
    members: List[Tuple[bytes, bytes]] = []
    depth, begin, key = 0, 1, b""
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        elif depth == 1 and mark == b":":
            key, begin = text[begin : token.start()].strip(), token.end()
        if (depth == 1 and mark == b",") or (depth == 0 and mark in b"]}"):
            value = text[begin : token.start()].strip()
            if value:
                members.append((key, value))
            key, begin = b"", token.end()
        if depth == 0:
            break
    if depth != 0 or begin != len(text) or not members and len(text) < 2:
        raise ValueError("the document is incomplete")
    return members


def parts_of(text: bytes) -> Dict[str, bytes]:
    """Splits an object into raw values by name. Raises ValueError."""
    return {read_json(key): value for key, value in members_of(text)}


def _whole(text: str) -> Union[int, LargeNumber]:
    return int(text) if len(text) < LONGEST_INTEGER else _large(text)


def _fraction(text: str) -> Union[float, LargeNumber]:
    number = float(text)
    return number if math.isfinite(number) else _large(text)


def _large(text: str) -> LargeNumber:
    try:
        return decimal.Decimal(text)
    except ArithmeticError:
        return text


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")
