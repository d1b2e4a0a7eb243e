"""What a login shell makes of TMOUT: the files in the order in which it reads them, and who can still change it.

As bash reads them (bash(1), INVOCATION): /etc/profile, and from there what it names: /etc/bash.bashrc, /etc/bashrc,
/etc/profile.d/*.sh in the order of their names. The first `readonly` wins: later assignments fail. An assignment in
front of a command (`TMOUT=900 top`) sets nothing, and what stands behind a `return` is not read. bash takes the digits
in front of a value (`900s` is 900). A line on TMOUT that depends on a condition, or stands behind a `return` that does,
cannot be judged without running it; the question whether the shell is interactive is no such condition.
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
  keep="TMOUT|<<|profile\.d|bashrc|/etc/profile|(^|[[:space:];&])(\.|source)[[:space:]]+\"?/|(^|[^[:alnum:]_-])($words)([^[:alnum:]_-]|\$)|^[[:space:]]*[{}]|[{][[:space:]]*\$"
  sed -E "\\%$keep%!{s/\\\\.//g;s/[^\"'#]//g;}" "$1"
}
"""

_OPENS = {"if", "case", "for", "while", "until", "select", "{", "("}
_CLOSES = {"fi": {"if"}, "esac": {"case"}, "done": {"for", "while", "until", "select"}, "}": {"{", "()"}, ")": {"("}}
_DECLARES = {"readonly", "declare", "typeset", "export", "local"}
_LEADING = re.compile(r"\s*\+?([0-9]{1,9})(?![0-9])", re.ASCII)
_ASSIGNS = re.compile(r"TMOUT=(.*)\Z", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<comment>(?:(?<=\s)|\A|(?<=;))\#.*)|(?P<word>(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|\$\([^()]*\)|[^\s;&|<>(){}"'\\]|\$\{[^}]*\}|\{[^\s{}]+\})+)|(?P<mark>;;|&&|\|\||[;&|(){}<>])"""
)
_HEREDOC = re.compile(r"^[^#]*(?<!<)<<(?!<)-?\s*[\"'\\A-Za-z_]")
_INTERACTIVE = re.compile(r"\bPS1\b|\$-|-i\b|\*i\*")
#: Shells that nobody types into leave here: the condition is false, or its opposite true, in a login shell.
_NOT_INTERACTIVE = re.compile(r"-z\b|!|\|\||\bcase\b")
_ASKS_INTERACTIVE = re.compile(
    r"""\s*if\s+\[\[?\s+(?:(?:-n\s+)?"?\$(?:PS1|\{PS1(?::?-)?\})"?|\$-\s+==?\s+\*i\*)\s+\]\]?\s*(?:;.*)?\Z""", re.DOTALL
)
_ASKS_WHO = re.compile(r"\b(?:USER|LOGNAME|E?UID|GROUPS|HOSTNAME|HOME|TERM|TTY|DISPLAY|SSH_\w+|id|groups|whoami)\b")


@dataclass(slots=True)
class Timeout:
    """TMOUT after the files were read: seconds (None: not set, or not a number), where, and whether it is read-only.

    `plain` is false where only bash sees a number in the value (`900s`). `unclear` names the first line that cannot be
    judged.
    """

    seconds: int | None = None
    where: str = ""
    readonly: bool = False
    plain: bool = True
    unclear: str = ""


@dataclass(slots=True)
class _Place:
    """Where the reader is in one file: what is open (its kind, the line that opened it, whether that always holds).

    `doubt` says after which line it is no longer sure that the file is read on.
    """

    open: list[tuple[str, str, bool]] = field(default_factory=list)
    doubt: str = ""

    @property
    def conditional(self) -> bool:
        """Whether what stands here may not be carried out by a login shell."""
        return bool(self.doubt) or not all(sure for _, _, sure in self.open)

    @property
    def in_function(self) -> bool:
        """Whether this is the body of a function, which is not carried out where it stands."""
        return any(kind == "()" for kind, _, _ in self.open)

    def enter(self, word: str, line: str, *, guarded: bool) -> None:
        """Open a compound command; braces that no `&&` stands before are a function's."""
        kind = "()" if word == "{" and not guarded else word
        sure = kind == "if" and bool(_ASKS_INTERACTIVE.match(line)) and len(re.findall(r"\bif\b", line)) == 1
        self.open.append((kind, line, sure))

    def leave(self, word: str) -> None:
        """Close what this word closes; the bracket behind a pattern of `case` closes nothing."""
        if self.open and self.open[-1][0] in _CLOSES[word]:
            self.open.pop()

    def otherwise(self) -> None:
        """Go on to `else` or `elif`: that the shell is interactive says nothing for it."""
        if self.open:
            self.open[-1] = (*self.open[-1][:2], False)

    def stops(self, line: str, where: str, *, guarded: bool) -> bool:
        """Take a `return`; true when the file always ends here, else remember a condition that may end it."""
        if self.in_function:
            return False
        if not self.open and not guarded:
            return True
        asked = [text for _, text, _ in self.open] + ([line] if guarded else [])
        if not any(_INTERACTIVE.search(text) and _NOT_INTERACTIVE.search(text) for text in asked):
            self.doubt = self.doubt or where
        return False


def login(files: Mapping[str, str], start: tuple[str, ...], unread: frozenset[str]) -> Timeout:
    """Read these files one after the other, and what they name. `unread` are those that the user cannot read."""
    timeout = Timeout()
    for path in start:
        _file(path, files, unread, timeout)
    return timeout


def _file(path: str, files: Mapping[str, str], unread: frozenset[str], timeout: Timeout, depth: int = 0) -> None:
    if path not in files or path in unread or depth > 3:
        return
    place, quote, heredoc = _Place(), "", False
    for number, line in enumerate(files[path].split("\n"), 1):
        where = f"{path}:{number}"
        inside, quote = quote or heredoc, _open_quote(line, quote)
        heredoc = heredoc or bool(_HEREDOC.search(line))
        if inside:
            if "TMOUT" in line and not timeout.readonly:
                timeout.unclear = timeout.unclear or f"{where}: whether TMOUT is part of a text is not known"
            continue
        _read_in([name for name in _named(line, files) if name != path], (files, unread), timeout, (place, line, depth))
        for guarded, words in _commands(line):
            word = words[0] if words else ""
            if word in _OPENS:
                place.enter(word, line, guarded=guarded)
            elif word in _CLOSES:
                place.leave(word)
            elif word in ("else", "elif"):
                place.otherwise()
            elif word == "exec" and not _redirects(words) and not place.in_function:
                timeout.unclear = timeout.unclear or f"{where}: another program takes the shell's place"
            elif word in ("return", "exit"):
                if place.stops(line, where, guarded=guarded):
                    return
            elif any("TMOUT" in part for part in words):
                _statement(words, where, place.conditional or guarded, timeout)


def _read_in(
    named: list[str],
    state: tuple[Mapping[str, str], frozenset[str]],
    timeout: Timeout,
    here: tuple[_Place, str, int],
) -> None:
    """Read what a line names; where only some people's shells get there, what it sets cannot be relied on."""
    (files, unread), (place, line, depth) = state, here
    some = next((text for text in (*(text for _, text, _ in place.open), line) if _ASKS_WHO.search(text)), "")
    for path in named:
        before = (timeout.where, timeout.readonly)
        _file(path, files, unread, timeout, depth + 1)
        if (place.doubt or some) and (timeout.where, timeout.readonly) != before:
            timeout.unclear = timeout.unclear or f"{timeout.where}: whether it is read depends on a condition"


def _redirects(words: list[str]) -> bool:
    """Whether this `exec` only redirects: the shell goes on."""
    rest = words[2:] if words[1:] and words[1].isdigit() else words[1:]
    return rest[:1] in (["<"], [">"])


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
        if word and not words and word in {"then", "do", "!", "in"}:
            continue
        if word and not words and (word in _OPENS or word in _CLOSES or word in ("else", "elif")):
            yield guarded, [word]
        elif word:
            words.append(word)
        elif mark in ("<", ">"):
            words.append(mark)
        else:
            if words:
                yield guarded or mark == "|", words
            words = []
            if mark in _OPENS or mark in _CLOSES:
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
            _set(found[1], where, timeout, computed="i" in options)
    if any(name == "TMOUT" or name.startswith("TMOUT=") for name in names) and (
        command == "readonly" or (command != "export" and "r" in options)
    ):
        timeout.readonly = True
        timeout.where = timeout.where or where


def _set(text: str, where: str, timeout: Timeout, *, computed: bool = False) -> None:
    if timeout.readonly:
        return
    value = text.strip("\"'")
    if re.search(r"[$`\\]", value) or (computed and not value.isdecimal()):
        timeout.unclear = timeout.unclear or f"{where}: TMOUT={text[:40]} has to be worked out"
    found = _LEADING.match(value)
    timeout.seconds, timeout.where, timeout.plain = (int(found[1]) if found else None), where, value.isdecimal()
