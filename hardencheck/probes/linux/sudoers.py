"""Who may do what by sudo, from the JSON that cvtsudoers(1) makes of sudoers(5): includes and aliases are resolved.

Within sudoers the last matching entry of a user decides. An entry for other hosts, or for commands that run as somebody
who is not root and cannot become root either, does not count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.root_groups import EQUIVALENT
from hardencheck.probes.linux.sudo_commands import escapes, every_command, root_shell

_KINDS = {"username": "", "userid": "#", "usergroup": "%", "usergid": "%#", "netgroup": "+", "nonunixgroup": "%:"}
_GROUPS = ("ALL", *EQUIVALENT)
ROOT = frozenset({"root", "#0"})


@dataclass(frozen=True, slots=True)
class Entry:
    """Commands that users may run on this host; `users` are account names, `%group`, `#uid`, `+netgroup`, `ALL`.

    `authenticate` is the tag PASSWD or NOPASSWD, None when neither is given. `here` and `runas` may be undecided.
    """

    users: Sequence[str]
    refused: Sequence[str]
    here: bool | None
    runas: Callable[[frozenset[str]], bool | None]
    commands: list[Any]
    authenticate: bool | None
    noexec: bool


@dataclass(frozen=True, slots=True)
class Sudoers:
    """The entries of one host, in order, and the settings (Defaults) that bear on passwords."""

    entries: Sequence[Entry]
    defaults: list[Any]

    def passwordless(self) -> tuple[set[str], set[str]]:
        """Return who needs no password to become root, and `user: command` for those that need a program's help."""
        names: set[str] = set()
        for _ in range(8):  # whoever runs commands as one of them is one of them
            found, programs = self._passwordless(frozenset(ROOT | names))
            if found <= names:
                break
            names |= found
        return names, {f"{name}: {command}" for name, command in programs if name not in names}

    def _passwordless(self, targets: frozenset[str]) -> tuple[set[str], set[tuple[str, str]]]:
        free, exempt = _free_by_default(self.defaults), {f"%{group}" for group in self.texts("exempt_group")}
        without: dict[str, bool] = {}
        programs: dict[tuple[str, str], bool] = {}
        for entry in self.entries:
            as_root = entry.runas(targets)
            shell, commands = root_shell(entry.commands), escapes(entry.commands, noexec=entry.noexec)
            if as_root is False or not (shell or commands):
                continue
            surely = as_root and entry.here and every_command(entry.commands)
            for name in entry.users:
                asks = entry.authenticate
                is_free = not asks if asks is not None else name in exempt or bool(free & {name, "*"})
                for command in () if shell else commands:
                    programs[name, command] = is_free
                if shell and (is_free or surely):
                    without[name] = is_free
                    # it comes after those for single programs, and is for these too
                    programs |= {pair: is_free for pair in programs if pair[0] == name and surely}
                elif shell:
                    without.setdefault(name, False)
        for name in exempt | (free - {"*"}):  # they need no password in whatever rights other entries may give them
            if name in exempt or any(_may_mean(other, name) for other in without):
                without.setdefault(name, True)
        return (
            {name for name, is_free in without.items() if is_free and name not in ROOT},
            {pair for pair, is_free in programs.items() if is_free and pair[0] not in ROOT},
        )

    def powerful(self, targets: frozenset[str]) -> Iterator[tuple[Entry, str]]:
        """Yield the entries that make their users as powerful as root (or as those of `targets`), and by what."""
        for entry in self.entries:
            if entry.runas(targets) is False:
                continue
            if root_shell(entry.commands):
                yield entry, "sudo"
            elif commands := escapes(entry.commands, noexec=entry.noexec):
                yield entry, f"sudo {commands[0]}"

    def asks_for_roots_password(self) -> bool:
        """Whether sudo asks for the password of root, or of the account to become, not for the user's own."""
        flags = dict.fromkeys(("targetpw", "rootpw", "runaspw"), False)
        for entry in self.defaults:
            if not entry.get("Binding"):
                for option in entry.get("Options", []):
                    flags |= {name: option[name] is True for name in flags if name in option}
        return any(flags.values())

    def texts(self, name: str) -> list[str]:
        """Return the values that Defaults give an option, in order; one that is turned off has none."""
        return [
            option[name]
            for entry in self.defaults
            for option in entry.get("Options", [])
            if isinstance(option.get(name), str)
        ]

    def remembered(self) -> list[str]:
        """Return the Defaults by which a password that was given once is never asked for again."""
        found: dict[str, str] = {}
        for entry in self.defaults:
            bound = ", ".join(_principal(member) for member in entry.get("Binding", []))
            for option in entry.get("Options", []):
                value = option.get("timestamp_timeout")
                if value is not None:
                    found[bound] = str(value)
        return [
            f"Defaults{':' + bound if bound else ''} timestamp_timeout={value}"
            for bound, value in found.items()
            if value.strip().startswith("-")
        ]


def read_sudoers(text: str, hostname: str) -> Sudoers:
    """Read the JSON of `cvtsudoers -e -f json`; raises CaptureUnreadable when it is none, or of another form."""
    try:
        document = json.loads(text)
        defaults = list(document.get("Defaults", []))
        return Sudoers(list(_entries(document.get("User_Specs", []), hostname)), defaults)
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise CaptureUnreadable(f"cvtsudoers wrote no JSON object that we know: {type(error).__name__}") from None


def _entries(specs: list[Any], hostname: str) -> Iterator[Entry]:
    for spec in specs:
        here = _matched(spec["Host_List"], lambda host: _is_host(host, hostname))
        if here is False:
            continue
        users = [_principal(member) for member in spec["User_List"] if not member.get("negated")]
        refused = [_principal(member) for member in spec["User_List"] if member.get("negated")]
        for command in spec["Cmnd_Specs"]:
            options = command.get("Options", [])
            tags = [option["authenticate"] for option in options if "authenticate" in option]
            yield Entry(
                users,
                refused,
                here,
                _Runas(command),
                list(command["Commands"]),
                tags[-1] if tags else None,
                any(option.get("noexec") for option in options),
            )


@dataclass(frozen=True, slots=True)
class _Runas:
    """Whether an entry's commands run as one of some accounts; without runas users they run as root.

    An entry that names groups alone runs as the invoking user, which is as good when it is a group like docker.
    """

    command: dict[str, Any]

    def __call__(self, targets: frozenset[str]) -> bool | None:
        if _matched(self.command.get("runasgroups", []), lambda member: member.get("usergroup") in _GROUPS):
            return True
        if "runasusers" not in self.command:
            return "runasgroups" not in self.command
        each = [frozenset({target}) for target in targets - ROOT]
        members = self.command["runasusers"]
        answers = {_matched(members, partial(_is_one_of, targets=one)) for one in (ROOT, *each)}
        return True if True in answers else None if None in answers else False


def _is_one_of(member: dict[str, Any], targets: frozenset[str]) -> bool | None:
    if "username" in member:
        return member["username"] == "ALL" or member["username"] in targets
    return f"#{int(member['userid'])}" in targets if "userid" in member else None


def _is_host(member: dict[str, Any], hostname: str) -> bool | None:
    name = str(member.get("hostname", ""))
    if not name or set(name) & set("*?["):
        return None
    return name in (hostname, hostname.partition(".")[0], "ALL")


def _matched(members: list[Any], test: Callable[[Any], bool | None]) -> bool | None:
    """Whether a list means what `test` looks for: its last matching member decides; None: that cannot be told."""
    result: bool | None = False
    for member in members:
        hit = test(member)
        if hit is None:
            result = None
        elif hit:
            result = not member.get("negated", False)
    return result


def _may_mean(entry: str, name: str) -> bool:
    """Whether an entry of sudoers may give its rights to whom another name means, by a group or a user id."""
    return entry not in (*ROOT, name) and (entry == "ALL" or entry[0] in "%+#" or name[0] in "%+#")


def _free_by_default(defaults: list[Any]) -> set[str]:
    """Return whom `Defaults !authenticate` frees; `*` is everyone, also when it is bound to a command or runas user."""
    free: set[str] = set()
    for entry in defaults:
        binding = entry.get("Binding", [])
        names = {_principal(member) for member in binding}
        bound = any(set(member) - {"negated"} - set(_KINDS) for member in binding)
        everyone = not names or bound or "ALL" in names or any(member.get("negated") for member in binding)
        for option in entry.get("Options", []):
            if option.get("authenticate") is False:
                free |= {"*"} if everyone else names
            elif "authenticate" in option and not bound:
                free -= names or {"*"}
    return free


def _principal(member: dict[str, Any]) -> str:
    if member.get("username") == "ALL":
        return "ALL"
    return next((f"{prefix}{member[kind]}" for kind, prefix in _KINDS.items() if kind in member), "ALL")
