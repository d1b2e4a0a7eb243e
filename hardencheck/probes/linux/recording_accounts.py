"""The accounts of a host that may read, or delete, call recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hardencheck.probes.linux.file_access import SEARCH, WRITE, Inode, Subject, may
from hardencheck.probes.linux.recording_trees import Tree
from hardencheck.probes.output import Output


@dataclass(frozen=True)
class Accounts:
    """The local accounts and groups, and whom the site allows to read; `remote`: a directory service knows more."""

    users: Mapping[str, Subject]
    groups: Mapping[int, str]
    listed: frozenset[str]
    remote: bool
    trouble: str = ""

    @classmethod
    def of(cls, output: Output, readers: Iterable[str]) -> Accounts:
        """Read passwd(5) and group(5), as awk cut them; NIS lines count as a directory service."""
        members: dict[str, set[int]] = {}
        groups: dict[int, str] = {}
        remote = False
        for line in output.run("groups").lines:
            name, number, names = (*line.split(":"), "", "")[:3]
            if not number.isdigit():
                remote = remote or name.startswith("+")
                continue
            groups.setdefault(int(number), name)
            for member in names.split(","):
                members.setdefault(member.strip(), set()).add(int(number))
        users = {}
        for line in output.run("accounts").lines:
            name, number, group = (*line.split(":"), "", "")[:3]
            if not number.isdigit() or not group.isdigit():
                remote = remote or name.startswith("+")
                continue
            users[name] = Subject(int(number), frozenset({int(group), *members.get(name, ())}))
        words = {word for line in output.run("nsswitch").lines for word in line.partition("#")[0].split()[1:]}
        remote = remote or bool(words & {"ldap", "sss", "winbind", "nis", "nisplus", "hesiod", "compat"} - {"compat"})
        allowed = set(readers)
        listed = {
            name
            for name, subject in users.items()
            if name in allowed or any(f"%{groups.get(number, '')}" in allowed for number in subject.groups)
        }
        trouble = "" if users and groups else "/etc/passwd or /etc/group cannot be read"
        return cls(users, groups, frozenset(listed | allowed), remote, trouble)

    def unlisted(self, inodes: Iterable[Inode]) -> dict[str, Subject]:
        """Return whom to ask about: everybody, and each account whose id or groups these inodes name."""
        owners, groups = set(), set()
        for inode in inodes:
            owners |= {inode.owner, *(entry.number for entry in inode.entries if entry.kind == "user")}
            groups |= {inode.group, *(entry.number for entry in inode.entries if entry.kind == "group")}
        found = {"everybody": Subject(None, frozenset())}
        alike: dict[Subject, list[str]] = {}
        for name, subject in sorted(self.users.items()):
            if subject.user and name not in self.listed and (subject.user in owners or subject.groups & groups):
                owner = subject.user if subject.user in owners else None
                alike.setdefault(Subject(owner, subject.groups & groups), []).append(name)
        for subject, names in alike.items():
            found[names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} others like it"] = subject
        known = {subject.user for subject in self.users.values()}
        for owner in sorted(number for number in owners - known if number):
            found[f"user id {owner} (no local account)"] = Subject(owner, frozenset())
        return found

    def remote_groups(self, inodes: Iterable[Inode]) -> dict[str, Subject]:
        """Return the groups that may have further members in a directory service."""
        if not self.remote:
            return {}
        numbers = {inode.group for inode in inodes}
        numbers |= {
            entry.number for inode in inodes for entry in inode.entries if entry.kind == "group" and entry.number
        }
        return {
            f"members of {name or number} in the directory service": Subject(None, frozenset({number}))
            for number in sorted(numbers)
            if number and f"%{(name := self.groups.get(number, ''))}" not in self.listed
        }

    def refuses(self, account: str, tree: Tree) -> str:
        """Say why a job of this account deletes nothing in a tree; empty when it can, or when that cannot be told."""
        subject = self.users.get(account)
        if subject is None:
            return "" if account == "root" or self.remote or self.trouble else f"there is no account {account}"
        if subject.user == 0:
            return ""
        for number, directory in tree.directories.items():
            if tree.below(number) is None:
                continue
            wanted = [(directory.inode, WRITE), *((above.inode, SEARCH) for above in tree.way(number))]
            if any(may(subject, inode, bit) is False for inode, bit in wanted):
                return f"it runs as {account}, who may not delete in {directory.sample}"
        return ""
