"""Which files a shell command deletes in a directory, and after how many days: find(1), rm, tmpreaper, tmpwatch.

A command line is split where a shell would begin another command (`;`, `&`, `|`). `cd DIRECTORY`, `sh -c TEXT` and
programs that only start another one (nice, timeout, flock) are followed. Whatever else stands in a line that deletes in
the directory makes it unclear after how many days it does.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import basename, join, normpath

from hardencheck.probes.linux.block_devices import inside

_TIMES = {"-mtime": 1.0, "-ctime": 1.0, "-atime": 1.0, "-mmin": 1 / 1440, "-cmin": 1 / 1440, "-amin": 1 / 1440}
_SPAN = {"s": 1 / 86400, "m": 1 / 1440, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0}
#: What may stand in a find(1) command line without changing which old files it deletes.
_HARMLESS = {
    "-type", "-name", "-iname", "-maxdepth", "-mindepth", "-xdev", "-mount", "-depth", "-daystart", "-print", "-print0",
    "-delete", "-o", "-or", "-noleaf", "-ignore_readdir_race", "-follow",
}  # fmt: skip
_KEYWORDS = {"then", "do", "else", "if", "!", "{", "(", "exec", "time", "command"}
_STARTERS = {"sudo", "nice", "ionice", "timeout", "flock", "chronic", "env", "nohup", "setsid", "systemd-cat", "chrt"}
_SHELLS = {"sh", "bash", "dash", "ash"}
_PROGRAMS = {"find", "rm", "tmpreaper", "tmpwatch", *_SHELLS}


@dataclass(frozen=True, slots=True)
class Target:
    """The directory by all its paths, files as they lie in it (`2026/11/call.wav`), and if cron is Debian's."""

    paths: tuple[str, ...]
    files: tuple[str, ...]
    no_dots: bool


@dataclass(frozen=True, slots=True)
class Deletion:
    """After how many days a command deletes (None: cannot be told), and which of the target's files it leaves."""

    days: float | None
    left: frozenset[str] = frozenset()


def deletions(command: str, target: Target, variables: Mapping[str, str], depth: int = 0) -> Iterator[Deletion]:
    """Yield what each part of a command line deletes in the directory."""
    for name, value in variables.items():
        command = re.sub(rf"\$\{{{name}\}}|\${name}\b", value.replace("\\", r"\\"), command)
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        words = list(lexer)
    except ValueError:
        if any(name in command for name in target.paths):
            yield Deletion(None)
        return
    place = ""
    for before, own, after in _parts(words):
        part = _program(own)
        if not part or before in (["false", "&&"], ["true", "||"]):
            continue
        program, arguments = basename(part[0]), part[1:]
        if program == "cd" and len(arguments) == 1:
            place = normpath(join(place, arguments[0]))
        elif program in _SHELLS and depth < 2:
            flag = next((number for number, word in enumerate(arguments) if re.fullmatch(r"-\w*c", word)), None)
            if flag is not None and flag + 1 < len(arguments):
                yield from deletions(arguments[flag + 1], target, variables, depth + 1)
        elif program == "find":
            yield from _find(
                arguments, place, target, "xargs" in after and any(basename(word) == "rm" for word in after)
            )
        elif program in ("tmpreaper", "tmpwatch") and covers(arguments, target.paths):
            yield Deletion(next((days for word in arguments if (days := span(word, 1 / 24)) is not None), None))
        elif program == "rm" and any(_sweeps(join(place, word), target.paths) for word in arguments):
            yield Deletion(None)


def _parts(words: list[str]) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Yield each command with the one before it, that ends with what stands between them, and the one after it."""
    parts: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set(";&|"):
            parts[-1].append(word)
            parts.append([])
        else:
            parts[-1].append(word)
    for number, part in enumerate(parts):
        own = part[:-1] if part and set(part[-1]) <= set(";&|") else part
        yield parts[number - 1] if number else [], own, parts[number + 1] if number + 1 < len(parts) else []


def _program(words: list[str]) -> list[str]:
    """Return a command from its program on, without what only says how it is started: nice -n 10, VARIABLE=value."""
    part = list(itertools.dropwhile(lambda word: word in _KEYWORDS or bool(re.match(r"\w+=", word)), words))
    if part and basename(part[0]) in _STARTERS:
        return list(itertools.dropwhile(lambda word: basename(word) not in _PROGRAMS, part[1:]))
    return part


def _find(arguments: list[str], place: str, target: Target, piped: bool) -> Iterator[Deletion]:
    """Yield after how many days a `find` deletes; nothing when it does not, or not files such as these.

    Tests that are not understood make it unclear.
    """
    starts = []
    rest = [word for word in arguments if word not in ("-H", "-L", "-P")]
    while rest and not rest[0].startswith(("-", "(", "!", "\\")):
        starts.append(rest.pop(0))
    starts = [join(place, word) for word in starts or ["."]] if place else starts
    pairs = list(zip(rest, [*rest[1:], ""], strict=True))
    runs = next((number for number, word in enumerate(rest) if word.startswith("-exec")), len(rest))
    run = [basename(word) for word in rest[runs + 1 :]]
    removes = piped or "-delete" in rest or run[:1] == ["rm"]
    by_shell = bool(run) and run[0] in _SHELLS and bool(re.search(r"\brm\b", " ".join(run)))
    start = next((start for start in starts if covers([start], target.paths)), None)
    if not (removes or by_shell) or start is None or "-empty" in rest or ("-type", "d") in pairs:
        return
    odd = any(word.startswith(("-", "!")) and word not in _HARMLESS and word not in _TIMES for word in rest[:runs])
    # without parentheses, what follows -o has nothing to do with the tests before it
    odd = odd or ("(" not in rest and not {"-o", "-or"}.isdisjoint(rest))
    if by_shell or odd:
        yield Deletion(None)
        return
    left = frozenset(file for file in target.files if not _reached(file, start, target, pairs[:runs]))
    if target.files and len(left) == len(set(target.files)):
        return
    ages = [(word, after) for word, after in pairs[:runs] if word in _TIMES]
    days = 0.0
    for word, after in ages:
        found = re.fullmatch(r"(\+?)(\d+)", after)
        if found is None:
            yield Deletion(None, left)
            return
        days = max(days, int(found[2]) * _TIMES[word])
    yield Deletion(days, left)


def _reached(file: str, start: str, target: Target, pairs: list[tuple[str, str]]) -> bool:
    """Whether names and depths that a `find` asks for are those of a file."""
    path = next(name for name in target.paths if covers([start], [name]))
    top = normpath(start.rstrip("*").rstrip("/") or "/")
    depth = join(path, file).count("/") - (0 if top == "/" else top.count("/"))
    name = basename(file)
    patterns = [(name, after) for word, after in pairs if word == "-name"]
    patterns += [(name.lower(), after.lower()) for word, after in pairs if word == "-iname"]
    deepest = [int(after) for word, after in pairs if word == "-maxdepth" and after.isdigit()]
    highest = [int(after) for word, after in pairs if word == "-mindepth" and after.isdigit()]
    named = not patterns or any(fnmatchcase(text, pattern) for text, pattern in patterns)
    return named and all(depth <= limit for limit in deepest) and all(depth >= limit for limit in highest)


def covers(starts: Collection[str], names: Collection[str]) -> bool:
    """Whether one of the paths is the directory or lies above it."""
    return any(
        inside(name, normpath(start.rstrip("*").rstrip("/") or "/"))
        for start in starts
        for name in names
        if start[:1] == "/"
    )


def _sweeps(path: str, names: Collection[str]) -> bool:
    """Whether a path given to rm may mean more than one file of the directory."""
    whole = normpath(path) in names or bool(re.search(r"[*?$`\[]", path))
    return path[:1] == "/" and whole and any(inside(normpath(path), name) for name in names)


def span(text: str, unit: float) -> float | None:
    """Return a time span in days; `unit` is what a bare number means."""
    total, position = 0.0, 0
    for found in re.finditer(r"(\d+)(s|min|m|h|d|w)?", text):
        if found.start() != position:
            return None
        total += int(found[1]) * (_SPAN[found[2]] if found[2] else unit)
        position = found.end()
    return total if position == len(text) and position else None
