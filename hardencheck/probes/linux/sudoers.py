"""Who may do what by sudo, from the JSON that cvtsudoers(1) makes of sudoers(5): includes and aliases are resolved.

Within sudoers the last matching entry of a user decides. An entry for other hosts, or for commands that run as somebody
who is not root and cannot become root either, does not count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.command_files import Files
from hardencheck.probes.linux.root_groups import EQUIVALENT
from hardencheck.probes.linux.sudo_commands import escapes, every_command, granted, root_shell

_KINDS = {"username": "", "userid": "#", "usergroup": "%", "usergid": "%#", "netgroup": "+", "nonunixgroup": "%:"}
_GROUPS = ("ALL", *EQUIVALENT)
#: Variables by which the dynamic linker, a shell or an interpreter runs code that its user chooses.
_CODE = ("LD_", "BASH_ENV", "PYTHONPATH", "PYTHONHOME", "PERL5", "PERLLIB", "RUBYLIB", "RUBYOPT", "NODE_OPTIONS")
#: A password that is remembered for longer than a day is never asked for again in practice.
_MOST_MINUTES = 24 * 60
ROOT = frozenset({"root", "#0"})


@dataclass(frozen=True, slots=True)
class Entry:
    """Commands that users may run on this host; `users` are account names, `%group`, `#uid`, `+netgroup`, `ALL`.

    `authenticate` is the tag PASSWD or NOPASSWD, None when neither is given. `here` and `runas` may be undecided.
    `ways_out` are the commands that let their user do whatever he likes by way of a program, or by a variable of the
    environment that the entry lets through to it (LD_PRELOAD).
    """

    users: Sequence[str]
    refused: Sequence[str]
    here: bool | None
    runas: Callable[[frozenset[str]], bool | None]
    commands: list[Any]
    authenticate: bool | None
    ways_out: list[str]


@dataclass(frozen=True, slots=True)
class Sudoers:
    """The entries of one host, in order, and the settings (Defaults) that bear on passwords."""

    entries: Sequence[Entry]
    defaults: list[Any]
    files: Files = field(default_factory=Files)

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
        loose = self.files.loose
        free, exempt = _free_by_default(self.defaults), {f"%{group}" for group in self.texts("exempt_group")}
        without: dict[str, bool] = {}
        programs: dict[tuple[str, str], bool] = {}
        for entry in self.entries:
            as_root = entry.runas(targets)
            shell = root_shell(entry.commands)
            commands = list(dict.fromkeys([*entry.ways_out, *filter(loose, granted(entry.commands))]))
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
            elif entry.ways_out:
                yield entry, f"sudo {entry.ways_out[0]}"

    def changeable(self, targets: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Yield each account that may change a program which somebody runs as root, and the program's command."""
        for entry in self.entries:
            if entry.runas(targets) is not False:
                yield from ((name, command) for command in granted(entry.commands) for name in self.files.who(command))

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
        """Return the Defaults by which a password that was given once is not asked for again, ever or for days."""
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
            if value.strip().startswith("-") or _minutes(value) > _MOST_MINUTES
        ]


def _minutes(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


def read_sudoers(text: str, hostname: str, files: Files | None = None) -> Sudoers:
    """Read the JSON of `cvtsudoers -e -f json`; raises CaptureUnreadable when it is none, or of another form."""
    try:
        document = json.loads(text)
        defaults = list(document.get("Defaults", []))
        entries = list(_entries(document.get("User_Specs", []), hostname, defaults))
        return Sudoers(entries, defaults, files or Files())
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise CaptureUnreadable(f"cvtsudoers wrote no JSON object that we know: {type(error).__name__}") from None


def _entries(specs: list[Any], hostname: str, defaults: list[Any]) -> Iterator[Entry]:
    kept = [entry for entry in defaults if _keeps_environment(entry)]
    for spec in specs:
        here = _matched(spec["Host_List"], lambda host: _is_host(host, hostname))
        if here is False:
            continue
        users = [_principal(member) for member in spec["User_List"] if not member.get("negated")]
        refused = [_principal(member) for member in spec["User_List"] if member.get("negated")]
        for command in spec["Cmnd_Specs"]:
            options = command.get("Options", [])
            tags = [option["authenticate"] for option in options if "authenticate" in option]
            lets_through = [option["setenv"] for option in options if "setenv" in option]
            environment = lets_through[-1:] == [True] or any(_bears_on(entry, users) for entry in kept)
            noexec = any(option.get("noexec") for option in options)
            yield Entry(
                users,
                refused,
                here,
                _Runas(command),
                list(command["Commands"]),
                tags[-1] if tags else None,
                escapes(list(command["Commands"]), noexec=noexec, also=_reads_environment if environment else _never),
            )


def _keeps_environment(entry: dict[str, Any]) -> bool:
    """Whether Defaults let a user hand programs a variable by which he makes them run code of his own."""
    options = entry.get("Options", [])
    if any(option.get("setenv") is True or option.get("runchroot") == "*" for option in options):
        return True
    kept = [name for option in options if option.get("operation") != "list_remove" for name in _listed(option)]
    return any(name.partition("=")[0].startswith(_CODE) or name == "*" for name in kept)


def _listed(option: dict[str, Any]) -> list[str]:
    names = option.get("env_keep", [])
    return names if isinstance(names, list) else []


def _bears_on(entry: dict[str, Any], users: Sequence[str]) -> bool:
    """Whether Defaults may hold for one of these users; those bound to a host, command or runas user may."""
    binding = entry.get("Binding", [])
    names = {_principal(member) for member in binding}
    named = all(set(member) <= set(_KINDS) for member in binding)
    return (
        not named
        or not names
        or "ALL" in names
        or any(_may_mean(user, name) or user == name for user in users for name in names)
    )


def _reads_environment(command: str) -> bool:
    return command.partition(" ")[0].rpartition("/")[2] != "sudoedit"


def _never(_: str) -> bool:
    return False


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
