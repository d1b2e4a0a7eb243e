"""The grammar of sshd_config(5): first value wins, Include in place, Match blocks override what is global."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.sshd_match import Criteria

MAIN = "/etc/ssh/sshd_config"
MAX_DEPTH = 16

#: What the stock files of every distribution include.
STOCK_INCLUDE = "/etc/ssh/sshd_config.d/*.conf"

#: Shell lines that collect the files: `config PATH...` is called with the files of each depth of Include.
COLLECT = r"""
includes() {
  sed -n 's/[[:space:]]#.*//
    s/^[[:space:]]*"\{0,1\}[Ii][Nn][Cc][Ll][Uu][Dd][Ee]"\{0,1\}[[:space:]=]\{1,\}//p' "$@" 2>/dev/null |
    tr -s ' \t\r"'\' '\n' | sed -n 's,^[^/],/etc/ssh/&,; /./p' | sort -u
}
set -- /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf
config "$@"
for depth in 1 2 3 4; do
  patterns=$(includes "$@")
  [ -n "$patterns" ] || break
  run "includes $depth" echo "$patterns"
  # shellcheck disable=SC2086 # split and expanded as sshd does
  set -- $patterns
  config "$@"
done
"""

_SPELLED = {
    name.lower(): name
    for name in ("User", "Group", "Host", "Address", "LocalAddress", "LocalPort", "RDomain", "Version")
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One keyword with its value, the criteria of the Match block it stands in (none: global), and where.

    The criteria of a block in a file that a Match block includes follow those of that block: all of them must hold.
    """

    keyword: str
    value: str
    criteria: Criteria = field(default=())
    where: str = ""

    @property
    def match(self) -> str:
        """The criteria as one writes them behind Match; empty for a global setting."""
        return " ".join(f"{_SPELLED.get(name, name)} {value}".strip() for name, value in self.criteria)


@dataclass(frozen=True, slots=True)
class _Tree:
    files: Mapping[str, str]
    followed: Collection[str]


def settings(files: Mapping[str, str], followed: Collection[str] = (), main: str = MAIN) -> Iterator[Setting]:
    """Yield the settings in the order in which sshd reads them, keywords in lower case.

    `followed` are the Include patterns, as absolute paths, whose files are among `files`, all that there are. An
    included file's Match block ends with that file. Raises CaptureUnreadable for an Include that was not followed, or
    for a Match that cannot be split into criteria.
    """
    yield from _file(_Tree(files, followed), main, (), 0)


def _file(tree: _Tree, path: str, outer: Criteria, depth: int) -> Iterator[Setting]:
    if depth > MAX_DEPTH:
        raise CaptureUnreadable(f"{path}: Include is nested more than {MAX_DEPTH} deep")
    criteria = outer
    for number, line in enumerate(tree.files[path].split("\n"), 1):
        keyword, rest = _keyword(line)
        if not keyword:
            continue
        if keyword == "match":
            criteria = (*outer, *_criteria(rest, f"{path}:{number}"))
        elif keyword == "include":
            for pattern in words(rest):
                for included in _included(tree, pattern):
                    yield from _file(tree, included, criteria, depth + 1)
        else:
            yield Setting(keyword, " ".join(words(rest)), criteria, f"{path}:{number}")


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


def _keyword(line: str) -> tuple[str, str]:
    """Split a line into its keyword, in lower case, and the rest: white space or one `=` stands between them."""
    line = line.strip(" \t\r\n\f")
    found = re.match(r'"([^"]*)"|[^\s="]+', line)
    if not found or line.startswith("#"):
        return "", ""
    rest = line[found.end() :].lstrip(" \t\r\n")
    return (found[1] or found[0]).lower(), rest.removeprefix("=").lstrip(" \t\r\n")


def words(text: str) -> list[str]:
    r"""Split arguments as sshd does (misc.c, argv_split): quotes of both kinds, `\` before quotes, itself and a blank.

    A `#` at the beginning of a word starts a comment; elsewhere it is part of the word.
    """
    found, position = [], 0
    while position < len(text):
        if text[position] in " \t":
            position += 1
            continue
        if text[position] == "#":
            break
        word, quote = "", ""
        while position < len(text):
            char, after = text[position], text[position + 1 : position + 2]
            if char == "\\" and after and (after in "'\"\\" or (not quote and after == " ")):
                word, position = word + after, position + 1
            elif not quote and char in " \t":
                break
            elif not quote and char in "'\"":
                quote = char
            elif char == quote:
                quote = ""
            else:
                word += char
            position += 1
        found.append(word)
    return found


def _criteria(text: str, where: str) -> Criteria:
    """Split what follows Match: names with a value after white space or `=`; some names stand alone."""
    parts = [double or plain for double, plain in re.findall(r'"([^"]*)"|([^\s="]+)', text)]
    for number, part in enumerate(parts):
        if part.startswith("#"):
            del parts[number:]
            break
    criteria: list[tuple[str, str]] = []
    rest = iter(parts)
    for name in map(str.lower, rest):
        alone = name in ("all", "invalid-user")
        value = "" if alone else next(rest, None)
        if value is None:
            raise CaptureUnreadable(f"{where}: Match {name} has no value")
        criteria.append((name, value))
    if not criteria:
        raise CaptureUnreadable(f"{where}: Match without criteria")
    return tuple(criteria)
