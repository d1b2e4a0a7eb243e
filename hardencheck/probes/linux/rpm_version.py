"""Order of RPM versions: epoch, then version, then release, each as rpmvercmp (rpm-version(7)) compares them."""

from __future__ import annotations

import re
from functools import cmp_to_key
from itertools import zip_longest

_SEGMENT = re.compile(r"[~^]|[0-9]+|[A-Za-z]+")


def compare(left: str, right: str) -> int:
    """Compare two `[EPOCH:]VERSION-RELEASE` strings; negative when `left` is older, zero when equal, else positive."""
    left_epoch, left_version, left_release = _split(left)
    right_epoch, right_version, right_release = _split(right)
    return (
        left_epoch - right_epoch
        or compare_part(left_version, right_version)
        or compare_part(left_release, right_release)
    )


key = cmp_to_key(compare)


def compare_part(left: str, right: str) -> int:
    """Compare one version or one release by its segments of digits, letters, `~` and `^`."""
    for one, other in zip_longest(_SEGMENT.findall(left), _SEGMENT.findall(right), fillvalue=""):
        if one == other:
            continue
        for mark, weight in (("~", -1), ("^", 1)):
            if mark in (one, other):
                return _marked(one, other, mark, weight)
        if not one or not other:
            return 1 if one else -1
        if one.isdigit() != other.isdigit():
            return 1 if one.isdigit() else -1
        if one.isdigit():
            if int(one) != int(other):
                return int(one) - int(other)
        else:
            return 1 if one > other else -1
    return 0


def _marked(one: str, other: str, mark: str, weight: int) -> int:
    """Order two segments of which exactly one is a mark: `~` is older than anything, `^` newer than the end alone."""
    if mark == "~" or "" in (one, other):
        return weight if one == mark else -weight
    return -1 if one == mark else 1


def _split(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon or not epoch.isdigit():
        epoch, rest = "0", version
    number, _, release = rest.partition("-")
    return int(epoch), number, release
