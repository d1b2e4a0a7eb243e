"""Splits hosts into waves, as Ansible's `serial` does: a canary first, then more at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hardencheck.errors import UsageError

_SIZE = re.compile(r"([1-9][0-9]{0,5})(%?)")


def waves(hosts: Sequence[str], batch: str) -> list[tuple[str, ...]]:
    """Return the hosts in waves by sizes such as `1,5%,25%`: counts, or shares of all hosts, at least one host each.

    The last size is repeated until no host is left. Raises UsageError for anything else.
    """
    sizes = [_size(word.strip(), len(hosts)) for word in batch.split(",")]
    return list(_split(hosts, sizes))


def _split(hosts: Sequence[str], sizes: list[int]) -> Iterator[tuple[str, ...]]:
    start = number = 0
    while start < len(hosts):
        size = sizes[min(number, len(sizes) - 1)]
        yield tuple(hosts[start : start + size])
        start, number = start + size, number + 1


def _size(word: str, whole: int) -> int:
    found = _SIZE.fullmatch(word)
    if not found or (found[2] and int(found[1]) > 100):
        raise UsageError(
            f"--batch: {word!r} is no size of a wave", hint="such as 1,5%,25%: counts of hosts, or shares of all"
        )
    return max(1, int(found[1]) * whole // 100) if found[2] else int(found[1])
