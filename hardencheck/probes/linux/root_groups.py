"""Groups whose members are as good as root, and who is in a group: by its list, as primary group, or by newgrp(1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

#: They mount or start anything as root (containers, virtual machines), read or write disks and memory, or read hashes.
EQUIVALENT = ("docker", "dockerroot", "lxd", "incus-admin", "microk8s", "libvirt", "disk", "kmem", "shadow")

#: Shell lines that print the lines of passwd, group and gshadow without any password.
COLLECT = r"""
accounts() { awk -F: '/^[^#]/ && NF >= 4 { print $1 ":" $3 ":" $4 }' /etc/passwd; }
groups() { awk -F: '/^[^#]/ { print $1 ":" $3 ":" $4 }' /etc/group; }
gshadow() { awk -F: '/^[^#]/ && $4 != "" { print $1 ":" $4 }' /etc/gshadow; }
run accounts accounts
run groups groups
if [ -e /etc/gshadow ]; then run gshadow gshadow; fi
"""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Local accounts as (name, uid, gid), groups as (name, gid, members), gshadow as (name, members).

    All of these are texts, as in the files; members are separated by commas. By newgrp(1) the members that gshadow
    lists get into the group too.
    """

    accounts: Sequence[Sequence[str]]
    groups: Sequence[Sequence[str]]
    gshadow: Sequence[Sequence[str]] = field(default=())

    def members(self, group: str) -> set[str]:
        """Return who is in a group of this name, or of this id when it is written `#27`."""
        found: set[str] = set()
        for name, gid, listed in self.groups:
            if group == name or (group.startswith("#") and _number(gid) == _number(group[1:])):
                found |= set(_names(listed))
                found |= {account for account, _, primary in self.accounts if _number(primary) == _number(gid)}
                found |= {member for other, more in self.gshadow if other == name for member in _names(more)}
        if group.startswith("#"):
            found |= {account for account, _, primary in self.accounts if _number(primary) == _number(group[1:])}
        return found

    def with_uid(self, uid: str) -> set[str]:
        """Return the names of the accounts with this user id."""
        return {name for name, other, _ in self.accounts if _number(other) == _number(uid)}

    def resolve(self, principal: str) -> set[str]:
        """Return the accounts that a word of sudoers means; what cannot be resolved stands for itself."""
        if principal.startswith(("%:", "+")):
            return {principal}
        if principal.startswith("%"):
            return self.members(principal[1:])
        if principal.startswith("#"):
            return self.with_uid(principal[1:]) or {principal}
        return {principal}


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else None
