"""Order of Debian package versions, as deb-version(7) and Debian Policy 5.6.12 define it and dpkg applies it."""

from __future__ import annotations

import re
from functools import cmp_to_key

_DIGITS = re.compile(r"\d*")


def compare(left: str, right: str) -> int:
    """Return a negative number, zero or a positive number as `left` is older than, equal to or newer than `right`."""
    left_epoch, left_upstream, left_revision = _split(left)
    right_epoch, right_upstream, right_revision = _split(right)
    return (
        left_epoch - right_epoch
        or _compare_part(left_upstream, right_upstream)
        or _compare_part(left_revision, right_revision)
    )


key = cmp_to_key(compare)


def _split(version: str) -> tuple[int, str, str]:
    """Split into epoch, upstream version and Debian revision; a version without revision has an empty one."""
    epoch, colon, rest = version.partition(":")
    if not colon or not epoch.isdigit():
        epoch, rest = "0", version
    upstream, hyphen, revision = rest.rpartition("-")
    return (int(epoch), upstream, revision) if hyphen else (int(epoch), rest, "")


def _compare_part(left: str, right: str) -> int:
    """Compare by turns a run of non-digits, sorted by `_order`, and a run of digits, as a number."""
    i = j = 0
    while i < len(left) or j < len(right):
        while (i < len(left) and not left[i].isdigit()) or (j < len(right) and not right[j].isdigit()):
            difference = _order(left[i : i + 1]) - _order(right[j : j + 1])
            if difference:
                return difference
            i += 1
            j += 1
        left_digits, right_digits = _digits(left, i), _digits(right, j)
        i += len(left_digits)
        j += len(right_digits)
        difference = int(left_digits or "0") - int(right_digits or "0")
        if difference:
            return difference
    return 0


def _digits(text: str, start: int) -> str:
    found = _DIGITS.match(text, start)
    return found[0] if found else ""


def _order(char: str) -> int:
    """Weight of one character: tilde before the end, the end and digits before letters, letters before the rest."""
    if char == "~":
        return -1
    if char == "" or char.isdigit():
        return 0
    return ord(char) if char.isalpha() else ord(char) + 256
