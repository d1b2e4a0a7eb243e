"""The grammar of sshd_config(5): first value wins, Include in place, Match blocks override what is global."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from hardencheck.errors import CaptureUnreadable

MAIN = "/etc/ssh/sshd_config"
MAX_DEPTH = 16


#: What the stock files of every distribution include.
STOCK_INCLUDE = "/etc/ssh/sshd_config.d/*.conf"


@dataclass(frozen=True, slots=True)
class Setting:
    """One keyword with its value, the criteria of the Match block it stands in (empty: global), and where.

    The criteria of a block in a file that a Match block includes follow those of that block: all of them must hold.
    """

    keyword: str
    value: str
    match: str
    where: str


@dataclass(frozen=True, slots=True)
class _Tree:
    files: Mapping[str, str]
    followed: Collection[str]


def settings(files: Mapping[str, str], followed: Collection[str] = (), main: str = MAIN) -> Iterator[Setting]:
    """Yield the settings in the order in which sshd reads them, keywords in lower case.

    `followed` are the Include patterns, as absolute paths, whose files are among `files`, all that there are. An
    included file's Match block ends with that file. Raises CaptureUnreadable for an Include that was not followed.
    """
    yield from _file(_Tree(files, followed), main, "", 0)


def _file(tree: _Tree, path: str, outer: str, depth: int) -> Iterator[Setting]:
    if depth > MAX_DEPTH:
        raise CaptureUnreadable(f"{path}: Include is nested more than {MAX_DEPTH} deep")
    match = outer
    for number, line in enumerate(tree.files[path].split("\n"), 1):
        words = _words(line)
        if not words:
            continue
        keyword, arguments = words[0].lower(), words[1:]
        if keyword == "match":
            match = " ".join([*outer.split(), *arguments])
        elif keyword == "include":
            for pattern in arguments:
                for included in _included(tree, pattern):
                    yield from _file(tree, included, match, depth + 1)
        else:
            yield Setting(keyword, " ".join(arguments), match, f"{path}:{number}")


def _included(tree: _Tree, pattern: str) -> list[str]:
    """Return the files of one Include pattern in lexical order; a relative one is below /etc/ssh.

    sshd passes over a pattern that names no file, and over a file that is not there.
    """
    full = posixpath.join("/etc/ssh", pattern)
    if full != STOCK_INCLUDE and full not in tree.followed:
        raise CaptureUnreadable(f"Include {full}: the file was not collected")
    parts = full.split("/")
    return sorted(path for path in tree.files if path == full or _fits(path.split("/"), parts))


def _fits(path: list[str], pattern: list[str]) -> bool:
    return len(path) == len(pattern) and all(map(_glob, path, pattern))


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
    return all(_names(value, user) for name, value in _criteria(criteria) if name == "user")


def always_matches_user(criteria: str, user: str) -> bool:
    """Whether a Match block holds for every connection of this user: nothing but `all` and User is asked."""
    return may_match_user(criteria, user) and all(name in ("all", "user") for name, _ in _criteria(criteria))


def _criteria(text: str) -> Iterator[tuple[str, str]]:
    words = iter(text.split())
    for word in words:
        name, equals, value = word.partition("=")
        alone = name.lower() in ("all", "canonical", "final", "invalid-user")
        yield name.lower(), value if equals or alone else next(words, "")


def _names(patterns: str, user: str) -> bool:
    """Whether a list of patterns names this user: one that matches after `!` rules it out, wherever it stands."""
    words = patterns.split(",")
    if any(fnmatch.fnmatchcase(user, word[1:]) for word in words if word.startswith("!")):
        return False
    return any(fnmatch.fnmatchcase(user, word) for word in words if not word.startswith("!"))
