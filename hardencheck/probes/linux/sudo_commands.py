"""Which commands of a sudoers(5) entry are as good as root: all of them, or a program that runs any other.

An entry names paths with wildcards, directories (`/usr/bin/`), regular expressions (`^...$`) or ALL, each of which may
be negated; the last one that matches decides. Arguments that an entry prescribes hold the program to them.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable
from typing import Any

from hardencheck.probes.linux.shell_escapes import escape

_SHELLS = ("sh", "bash", "rbash", "dash", "ash", "ksh", "mksh", "zsh", "fish", "csh", "tcsh", "busybox")
_RUNNERS = ("su", "sudo", "runuser", "env", "setpriv", "chroot", "nsenter", "unshare", "visudo")
_PROGRAMS = [
    f"{directory}/{name}"
    for directory in ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")
    for name in (*_SHELLS, *_RUNNERS)
]
#: Arguments that hold a shell, or su, to nothing.
_OPEN_ARGUMENTS = {'""', "*", "-", "-l", "-i", "-s", "-p", "--login", "root", "^.*$"}


def every_command(commands: list[Any]) -> bool:
    """Whether these commands are all that there are, without any exception."""
    return [(each.get("command"), bool(each.get("negated"))) for each in commands][-1:] == [("ALL", False)]


def root_shell(commands: list[Any]) -> bool:
    """Whether these commands let their user run whatever he likes."""
    everything = False
    for each in commands:
        if each.get("command") == "ALL":
            everything = not each.get("negated")
    return everything or any(_allowed(commands, program) for program in _PROGRAMS)


def escapes(commands: list[Any], *, noexec: bool = False, also: Callable[[str], bool] = lambda _: False) -> list[str]:
    """Return the commands that let their user do whatever he likes by way of a program, as the entry writes them.

    `noexec` says that the entry keeps dynamically linked programs from starting others (the tag NOEXEC); `also` says
    of a command that it is a way out for a reason of this host.
    """
    found = []
    for number, each in enumerate(commands):
        command = str(each.get("command", ""))
        if each.get("negated") or command == "ALL" or not (escape(command, noexec=noexec) or also(command)):
            continue
        if not any(later.get("negated") and _covers(str(later.get("command")), command) for later in commands[number:]):
            found.append(command)
    return found


def granted(commands: list[Any]) -> list[str]:
    """Return the commands that are not refused by a later one, ALL left out."""
    return escapes(commands, also=lambda _: True)


def _covers(refused: str, command: str) -> bool:
    return refused in ("ALL", command) or _means(refused, command.partition(" ")[0], negated=True)


def _allowed(commands: list[Any], program: str) -> bool:
    allowed = False
    for each in commands:
        if _means(str(each.get("command", "")), program, negated=bool(each.get("negated"))):
            allowed = not each.get("negated")
    return allowed


def _means(command: str, program: str, *, negated: bool) -> bool:
    path, _, arguments = command.partition(" ")
    if not negated and not set(arguments.split()) <= _OPEN_ARGUMENTS:
        return False
    if command == "ALL" or path == program:
        return True
    if path.startswith("^"):
        return _expression(path, program)
    if path.endswith("/"):
        return path == posixpath.dirname(program) + "/"
    # in a path a wildcard stops at a slash
    words, names = path.split("/"), program.split("/")
    return len(words) == len(names) and all(map(fnmatch.fnmatchcase, names, words))


def _expression(pattern: str, program: str) -> bool:
    """Whether a regular expression means the program; one that Python does not read may mean anything."""
    try:
        return re.search(pattern, program) is not None
    except re.error:
        return True
