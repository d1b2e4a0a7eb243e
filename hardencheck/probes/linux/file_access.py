"""Who may open a file: the kernel's permission check, for one account and one file or directory.

The algorithm is that of fs/namei.c (acl_permission_check) and fs/posix_acl.c (posix_acl_permission), as acl(5) tells
it: the owner's bits for the owner; else an access control list, when there is one and the mode's group bits (which then
are its mask) are not empty; else the group's bits for the group's members; else the bits of all others. root is not
asked: it may read everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

READ, WRITE, SEARCH = 4, 2, 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an access control list: `kind` is user, group, mask or other; `number` is None for the owners'."""

    kind: str
    number: int | None
    bits: int


@dataclass(frozen=True, slots=True)
class Inode:
    """Mode bits (nine), owner and group of a file; `entries` is empty without an access control list.

    `unclear` says that there is, or may be, a list that could not be read.
    """

    mode: int
    owner: int
    group: int
    entries: tuple[Entry, ...] = ()
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """An account as the kernel knows it: its user id (None: one that owns nothing) and all its group ids."""

    user: int | None
    groups: frozenset[int]


def may(subject: Subject, inode: Inode, want: int) -> bool | None:
    """Whether the kernel grants READ, WRITE or SEARCH; None when a list that could not be read decides."""
    if subject.user is not None and subject.user == inode.owner:
        return bool(inode.mode >> 6 & want)
    mask = inode.mode >> 3 & 7
    in_group, others = inode.group in subject.groups, bool(inode.mode & want)
    if not mask:  # the kernel does not look at the list then
        return False if in_group else others
    if inode.unclear:
        # a list can give no more than its mask, and can take away what all others have
        return None if mask & want or others else False
    if not inode.entries:
        return bool(mask & want) if in_group else others
    return _by_list(subject, inode, want)


def _by_list(subject: Subject, inode: Inode, want: int) -> bool:
    limit = next((entry.bits for entry in inode.entries if entry.kind == "mask"), 7)
    for entry in inode.entries:
        if entry.kind == "user" and entry.number is not None and entry.number == subject.user:
            return bool(entry.bits & limit & want)
    matching = [
        entry.bits
        for entry in inode.entries
        if entry.kind == "group" and (inode.group if entry.number is None else entry.number) in subject.groups
    ]
    if matching:
        return any(bits & limit & want for bits in matching)
    return any(entry.bits & want for entry in inode.entries if entry.kind == "other")


_ENTRY = re.compile(r"(user|group|mask|other):(\d*):([r-])([w-])([x-])(?:\t.*)?")


def entries(lines: Iterable[str]) -> tuple[Entry, ...] | None:
    """Read entries as `getfacl -n` writes them; None when one of them is of another form."""
    found = []
    for line in lines:
        parts = _ENTRY.fullmatch(line)
        if parts is None:
            return None
        bits = sum(bit for bit, letter in zip((4, 2, 1), parts.groups()[2:], strict=True) if letter != "-")
        found.append(Entry(parts[1], int(parts[2]) if parts[2] else None, bits))
    return tuple(found)


def mode_bits(text: str) -> int | None:
    """Return the nine permission bits of `ls -l` (`-rw-r-x--T`); None when it is of another form."""
    if not re.fullmatch(r"[-d]([r-][w-][-xsS]){2}[r-][w-][-xtT][.+@]?", text):
        return None
    return sum(1 << (8 - place) for place, letter in enumerate(text[1:10]) if letter not in "-ST")
