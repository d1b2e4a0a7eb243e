"""The grammar of sshd_config(5): first value wins, Include in place, Match blocks override what is global."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hardencheck.errors import CaptureUnreadable

MAIN = "/etc/ssh/sshd_config"
MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Setting:
    """One keyword with its value, the criteria of the Match block it stands in (empty: global), and where."""

    keyword: str
    value: str
    match: str
    where: str


def settings(files: Mapping[str, str], main: str = MAIN) -> Iterator[Setting]:
    """Yield the settings in the order in which sshd reads them, keywords in lower case.

    An included file's Match block ends with that file. Raises CaptureUnreadable when a file that exists by its
    Include line is not among `files`.
    """
    yield from _file(files, main, "", 0)


def _file(files: Mapping[str, str], path: str, match: str, depth: int) -> Iterator[Setting]:
    if depth > MAX_DEPTH:
        raise CaptureUnreadable(f"{path}: Include is nested more than {MAX_DEPTH} deep")
    for number, line in enumerate(files[path].splitlines(), 1):
        words = _words(line)
        if not words:
            continue
        keyword, arguments = words[0].lower(), words[1:]
        if keyword == "match":
            match = " ".join(arguments)
        elif keyword == "include":
            for pattern in arguments:
                for included in _included(files, pattern):
                    yield from _file(files, included, match, depth + 1)
        else:
            yield Setting(keyword, " ".join(arguments), match, f"{path}:{number}")


def _included(files: Mapping[str, str], pattern: str) -> list[str]:
    """Return the files of one Include pattern in lexical order; a relative one is below /etc/ssh."""
    full = posixpath.join("/etc/ssh", pattern)
    if not re.search(r"[*?\[]", full) and full not in files:
        raise CaptureUnreadable(f"Include {full}: the file was not collected")
    if posixpath.dirname(full) not in ("/etc/ssh", "/etc/ssh/sshd_config.d"):
        raise CaptureUnreadable(f"Include {full}: only /etc/ssh and /etc/ssh/sshd_config.d are collected")
    directory, name = posixpath.split(full)
    return sorted(p for p in files if posixpath.dirname(p) == directory and _glob(posixpath.basename(p), name))


def _glob(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))


def _words(line: str) -> list[str]:
    """Split a line as sshd does: a keyword, white space or one `=`, arguments with quotes; `#` starts a comment."""
    line = line.strip()
    if not line or line.startswith("#"):
        return []
    found = re.match(r'"?([A-Za-z0-9]+)"?(?:\s*=\s*|\s+|$)(.*)', line)
    if not found:
        return [line]
    try:
        return [found[1], *shlex.split(found[2], comments=True)]
    except ValueError:
        return [found[1], *found[2].split()]


def may_match_user(criteria: str, user: str) -> bool:
    """Whether a Match block may hold for a connection of this user.

    Only a User criterion can rule it out; addresses, groups, hosts and ports depend on the connection, so they may.
    """
    words = iter(criteria.split())
    for word in words:
        name, equals, value = word.partition("=")
        if name.lower() == "user":
            patterns = (value if equals else next(words, "")).split(",")
            if any(fnmatch.fnmatchcase(user, p[1:]) for p in patterns if p.startswith("!")):
                return False
            if not any(fnmatch.fnmatchcase(user, p) for p in patterns if not p.startswith("!")):
                return False
        elif not equals and name.lower() not in ("all", "canonical", "final", "invalid-user"):
            next(words, "")
    return True
