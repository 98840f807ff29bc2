"""JSON as the service sends and takes it: no value is refused because of its size."""

from __future__ import annotations

import decimal
import json
import math
import re
from typing import Any, Dict, List, Tuple, Union

#: CPython refuses longer whole numbers (sys.set_int_max_str_digits), and versions before 3.11 take quadratic time.
LONGEST_INTEGER = 4300

#: A string, or one of the characters that structure a document.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}:,]', re.DOTALL)

#: A number that Python's own types cannot hold, or its text where not even Decimal can.
LargeNumber = Union[decimal.Decimal, str]


def read_json(text: bytes) -> Any:
    """Parses an answer.

    A whole number of more than 4300 digits and a fraction beyond the range of a float come as ``decimal.Decimal``, or
    as their text when that cannot hold them either. Raises ValueError or RecursionError for what cannot be parsed.
    """
    return json.loads(text.decode(), parse_int=_whole, parse_float=_fraction, parse_constant=_refused)


def write_json(value: Any) -> bytes:
    """The JSON text of a value. Raises whatever the value raises: it may come from a handler."""
    return json.dumps(value, allow_nan=False).encode()


def members_of(text: bytes) -> List[Tuple[bytes, bytes]]:
    """The members of an object as raw texts, key and value, or the items of an array with empty keys.

    It follows brackets and quotes without recursion and parses nothing, so it takes a document apart that has a part
    which cannot be parsed. Raises ValueError for a document that is cut off.
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
        raise ValueError("the document is cut off")
    return members


def parts_of(text: bytes) -> Dict[str, bytes]:
    """The members of an object by name, each as its raw text. Raises ValueError."""
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
