"""The configuration of kmod: which command `modprobe` runs instead of loading a module (modprobe.d(5)).

As libkmod reads it: directories are merged by file name, the first directory that holds a name wins, and a link to
/dev/null or an empty file there masks the others; files are read in the order of their names, and the first `install`
line whose pattern matches wins, wherever it stands. Dashes in module names count as underscores, a name may be a
shell pattern, a backslash at the end joins the next line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

#: libkmod's directories, the strongest first.
DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)

#: Commands that load nothing: `false` and `true` as the system has them, `:`, `exit`, /dev/null (which cannot be run),
#: words of `echo` and `logger` without anything that the shell would work out; then at most a comment.
_BIN = r"(?:/(?:usr/)?s?bin/)?"
_NOTHING = rf"(?:exec\s+)?(?:{_BIN}(?:true|false)|/dev/null)|:|exit(?:\s+\d+)?"
_WORDS = r"""(?:[^;&|`$<>()#\\"'\n]|"[^"`$\\]*"|'[^']*')*"""
_HARMLESS = re.compile(rf"(?:{_BIN}(?:echo|logger)\s{_WORDS}(?:;|&&|\|\||\Z)\s*)?(?:{_NOTHING})?\s*;?\s*(?:#.*)?\Z")

_PIECE = re.compile(r"[^\\\n]+|\\[\s\S]|\\\Z|\n")


@dataclass(frozen=True, slots=True)
class Install:
    """An `install` line: the pattern of module names, the shell command, and the file and line it stands in."""

    pattern: str
    command: str
    where: str

    @property
    def blocks(self) -> bool:
        """Whether the command is one that is known to load nothing."""
        return bool(self.command) and bool(_HARMLESS.match(self.command))


@dataclass(frozen=True, slots=True)
class Config:
    """The lines of all files in the order in which libkmod reads them."""

    installs: tuple[Install, ...]
    blacklisted: tuple[tuple[str, str], ...]

    def install(self, module: str) -> Install | None:
        """Return the line that decides over this module; None when modprobe loads the module itself."""
        name = underscores(module)
        return next((line for line in self.installs if fnmatchcase(name, line.pattern)), None)


def underscores(name: str) -> str:
    """Spell a module's name or pattern as the kernel does; what stands in brackets is left alone."""
    return "".join(part if part.startswith("[") else part.replace("-", "_") for part in re.split(r"(\[[^\]]*\])", name))


def _well_formed(pattern: str) -> bool:
    """Whether every bracket has its partner; libkmod drops the whole line otherwise."""
    return not re.search(r"[\[\]]", re.sub(r"\[[^\]]*\]", "", pattern))


def effective_files(paths: Iterable[str]) -> list[str]:
    """Return the files that libkmod reads out of all configuration files, in its order."""
    chosen: dict[str, tuple[int, str]] = {}
    for path in paths:
        directory, _, name = path.rpartition("/")
        if directory not in DIRECTORIES or name.startswith(".") or not name.endswith((".conf", ".alias")):
            continue
        rank = DIRECTORIES.index(directory)
        if name not in chosen or rank < chosen[name][0]:
            chosen[name] = (rank, path)
    return [chosen[name][1] for name in sorted(chosen, key=str.encode)]


def read(files: Mapping[str, str]) -> Config:
    """Read the files (path -> text, in any order; a masked name has empty text)."""
    installs: list[Install] = []
    blacklisted: list[tuple[str, str]] = []
    for path in effective_files(files):
        for number, line in _logical_lines(files[path]):
            words = re.split(r"[ \t]+", line.lstrip(" \t"), maxsplit=2)
            if len(words) < 2 or not words[1] or not _well_formed(words[1]):
                continue
            where = f"{path}:{number}"
            if words[0] == "install" and len(words) == 3:
                installs.append(Install(underscores(words[1]), words[2].rstrip(), where))
            elif words[0] == "blacklist":
                blacklisted.append((underscores(words[1]), where))
    return Config(tuple(installs), tuple(blacklisted))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its first line's number.

    A backslash before the line end joins the next line, any other one is dropped; only a `#` in the first column
    starts a comment.
    """
    number = start = 1
    line = ""
    for match in _PIECE.finditer(text + "\n"):
        piece = match[0]
        number += piece.count("\n")
        if piece == "\n":
            if line and not line.startswith("#"):
                yield start, line
            line, start = "", number
        else:
            line += piece[1:].removesuffix("\n") if piece.startswith("\\") else piece
