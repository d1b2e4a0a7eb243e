"""What a login shell makes of TMOUT: the files in the order in which it reads them, and who can still change it.

As bash reads them (bash(1), INVOCATION): /etc/profile, and from there what it names: /etc/bash.bashrc, /etc/bashrc,
/etc/profile.d/*.sh in the order of their names. The first `readonly` wins: later assignments fail. An assignment in
front of a command (`TMOUT=900 top`) sets nothing, and what stands behind a `return` is not read. A line on TMOUT that
depends on a condition cannot be judged without running it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: A function for a probe's script: lines on TMOUT and the shell's structure, numbered as in the file. Of all other
#: lines only quotes and `#` are left, because such files may hold passwords of proxies.
FUNCTIONS = r"""
shell_lines() {
  words='if|fi|case|esac|for|while|until|select|do|done|function|return|exit|exec'
  keep="TMOUT|<<|profile\.d|bashrc|/etc/profile|(^|[^[:alnum:]_-])($words)([^[:alnum:]_-]|\$)|^[[:space:]]*[{}]|[{][[:space:]]*\$"
  sed -E "\\;$keep;!{s/\\\\.//g;s/[^\"'#]//g;}" "$1"
}
"""

_OPENS = {"if", "case", "for", "while", "until", "select", "{", "("}
_CLOSES = {"fi", "esac", "done", "}", ")"}
_DECLARES = {"readonly", "declare", "typeset", "export", "local"}
_ASSIGNS = re.compile(r"TMOUT=(.*)\Z", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<comment>(?:(?<=\s)|\A|(?<=;))\#.*)|(?P<word>(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|\$\([^()]*\)|[^\s;&|<>(){}"'\\]|\$\{[^}]*\}|\{[^\s{}]+\})+)|(?P<mark>;;|&&|\|\||[;&|(){}<>])"""
)
_HEREDOC = re.compile(r"^[^#]*(?<!<)<<(?!<)-?\s*[\"'\\A-Za-z_]")
_INTERACTIVE = re.compile(r"\bPS1\b|\$-|-i\b|\*i\*")


@dataclass(slots=True)
class Timeout:
    """TMOUT after the files were read: seconds (None: not set, or not a number), where, and whether it is read-only.

    `unclear` names the first line that cannot be judged.
    """

    seconds: int | None = None
    where: str = ""
    readonly: bool = False
    unclear: str = ""
    _stop: bool = field(default=False, repr=False)


def login(files: Mapping[str, str], start: tuple[str, ...], unread: frozenset[str]) -> Timeout:
    """Read these files one after the other, and what they name. `unread` are those that the user cannot read."""
    timeout = Timeout()
    for path in start:
        _file(path, files, unread, timeout)
    return timeout


def _file(path: str, files: Mapping[str, str], unread: frozenset[str], timeout: Timeout, depth: int = 0) -> None:
    if path not in files or path in unread or depth > 3:
        return
    nesting, quote, heredoc = 0, "", False
    for number, line in enumerate(files[path].split("\n"), 1):
        where = f"{path}:{number}"
        inside, quote = quote or heredoc, _open_quote(line, quote)
        heredoc = heredoc or bool(_HEREDOC.search(line))
        if inside:
            if "TMOUT" in line and not timeout.readonly:
                timeout.unclear = timeout.unclear or f"{where}: whether TMOUT is part of a text is not known"
            continue
        for named in _named(line, files):
            if named != path:
                _file(named, files, unread, timeout, depth + 1)
        for guarded, words in _commands(line):
            word = words[0] if words else ""
            if word in _OPENS:
                nesting += 1
            elif word in _CLOSES:
                nesting = max(0, nesting - 1)
            elif word in ("return", "exit", "exec") and not nesting:
                if not guarded:
                    return
                if not _INTERACTIVE.search(line):
                    timeout.unclear = timeout.unclear or f"{where}: what follows is read under a condition only"
            elif any("TMOUT" in part for part in words):
                _statement(words, where, bool(nesting or guarded), timeout)


def _open_quote(line: str, quote: str) -> str:
    """Return the quote that is open at the end of a line, given the one that was open at its start."""
    position = 0
    while position < len(line):
        char = line[position]
        if char == "\\" and quote != "'":
            position += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#" and (position == 0 or line[position - 1] in " \t;\"'"):
            break
        position += 1
    return quote


def _named(line: str, files: Mapping[str, str]) -> list[str]:
    """Return the files that a line of a profile reads in, in order."""
    text = line.partition("#")[0]
    found: list[str] = []
    for pattern in re.findall(r"/etc/profile\.d/[^\s;\"')]*", text):
        if pattern.endswith(("*.sh", "*")):
            found += sorted((path for path in files if path.startswith("/etc/profile.d/")), key=str.encode)
        else:
            found += [pattern] if pattern in files else []
    if re.search(r"(?:^|[\s;&])(?:\.|source)\s", text):
        found += [
            path
            for path in files
            if not path.startswith("/etc/profile.d/") and re.search(rf"\s[\"']?{re.escape(path)}\b", text)
        ]
    return found


def _commands(line: str) -> Iterator[tuple[bool, list[str]]]:
    """Yield each simple command with whether it stands behind `&&`, `||` or in a pipe; keywords stand alone."""
    words: list[str] = []
    guarded = False
    for token in _TOKEN.finditer(line):
        word, mark = token["word"], token["mark"]
        if token["comment"]:
            break
        if word and not words and word in {"then", "else", "elif", "do", "!", "in"}:
            continue
        if word and not words and word in _OPENS | _CLOSES:
            yield guarded, [word]
        elif word:
            words.append(word)
        elif mark in ("<", ">"):
            words.append(mark)
        else:
            if words:
                yield guarded or mark == "|", words
            words = []
            if mark in _OPENS | _CLOSES:
                yield guarded, [mark]
            guarded = mark in ("&&", "||", "|") or (guarded and mark in ("{", "("))
    if words:
        yield guarded, words


def _statement(words: list[str], where: str, conditional: bool, timeout: Timeout) -> None:
    """Carry out one command that speaks of TMOUT."""
    command, names = words[0], words[1:]
    if command in ("[", "[[", "test", "echo", "printf", "set", "case"):
        return
    if conditional:
        if not timeout.readonly:
            timeout.unclear = timeout.unclear or f"{where}: TMOUT depends on a condition"
        return
    if found := _ASSIGNS.match(command):
        if not names:
            _set(found[1], where, timeout)
        return
    if command == "unset":
        if not timeout.readonly:
            timeout.seconds, timeout.where = None, where
        return
    if command not in _DECLARES or "local" in command:
        timeout.unclear = timeout.unclear or f"{where}: what {command[:20]!r} does with TMOUT is not known"
        return
    options = "".join(name[1:] for name in names if name.startswith("-"))
    for name in names:
        if found := _ASSIGNS.match(name):
            _set(found[1], where, timeout)
    if any(name == "TMOUT" or name.startswith("TMOUT=") for name in names) and (
        command == "readonly" or (command != "export" and "r" in options)
    ):
        timeout.readonly = True
        timeout.where = timeout.where or where


def _set(text: str, where: str, timeout: Timeout) -> None:
    if timeout.readonly:
        return
    value = text.strip("\"'")
    if re.search(r"[$`\\]", value):
        timeout.unclear = timeout.unclear or f"{where}: TMOUT={text[:40]} has to be worked out"
    timeout.seconds, timeout.where = (int(value) if value.isdecimal() and len(value) < 10 else None), where
