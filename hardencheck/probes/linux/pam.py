"""The grammar of PAM configuration: service files become the stacks of modules that libpam would load.

Reproduces libpam's reader (pam.conf(5), Linux-PAM 1.5 to 1.7): the order of the service directories, lines continued by
a backslash, comments, `[value=action ...]` controls, `include`, `substack`, Debian's `@include`, the leading `-`, the
fall-back to `other` per module type, and what is put in the place of a line that cannot be understood: a handler that
always fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from hardencheck.model.probe import Question, System
from hardencheck.probes.output import PRELUDE, Output

#: Where libpam looks for a service's file, first found wins (the vendor directories are SUSE's and newer systems').
DIRECTORIES = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d")

#: Lists the directories (so that one that may not be read is not taken for an empty one), the modules and the files.
FILES = Question(
    "pam",
    PRELUDE
    + r"""
pam_directories() {
  for d in /etc/pam.d /usr/lib/pam.d /usr/etc/pam.d; do
    if [ -d "$d" ]; then echo "$d/"; ls -A "$d" 2>/dev/null || return 3; fi
  done
}
pam_modules() {
  for r in /lib /lib64 /usr/lib /usr/lib64; do
    [ -L "$r" ] || for d in "$r/security" "$r"/*/security; do
      [ ! -d "$d" ] || { echo "$d:"; ls "$d"; }
    done
  done
}
run pam.d pam_directories
run modules pam_modules
files /etc/pam.conf /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/*
read_later
""",
    max_bytes=120_000,
)
ASKS: dict[Question, tuple[str, ...]] = {FILES: ()}

#: What FILES tells; `installed NAME...` tells which programs there are.
SCRIPT = r"""
installed() {
  for p do
    if command -v "$p" >/dev/null 2>&1; then echo "$p"; fi
  done
}
answer pam
"""

AUTH, ACCOUNT, PASSWORD, SESSION = "auth", "account", "password", "session"
_TYPES = (AUTH, ACCOUNT, PASSWORD, SESSION)
_MAX_DEPTH = 16  # PAM_SUBSTACK_MAX_LEVEL
_BLANK = " \t\n"

RETURN_CODES = (
    "success", "open_err", "symbol_err", "service_err", "system_err", "buf_err", "perm_denied", "auth_err",
    "cred_insufficient", "authinfo_unavail", "user_unknown", "maxtries", "new_authtok_reqd", "acct_expired",
    "session_err", "cred_unavail", "cred_expired", "cred_err", "no_module_data", "conv_err", "authtok_err",
    "authtok_recover_err", "authtok_lock_busy", "authtok_disable_aging", "try_again", "ignore", "abort",
    "authtok_expired", "module_unknown", "bad_item", "conv_again", "incomplete",
)  # fmt: skip
_NAMES = "|".join(RETURN_CODES)
_PAIR = re.compile(rf"\s*({_NAMES}|default)\s*=\s*" + r"(ignore|ok|done|bad|die|reset|[0-9]{1,9})")

#: What a handler does with a return code: a word, or the number of handlers to jump over.
Action = str | int


@dataclass(frozen=True, slots=True)
class Control:
    """What to do with each return code of a module; `default` holds for the codes that `actions` does not name."""

    default: Action
    actions: Mapping[str, Action] = field(default_factory=dict)

    def action(self, code: str) -> Action:
        """Return the action for this return code."""
        return self.actions.get(code, self.default)


_OK = {"success": "ok", "new_authtok_reqd": "ok"}
_KEYWORDS: dict[str, Control] = {
    "required": Control("bad", {**_OK, "ignore": "ignore"}),
    "requisite": Control("die", {**_OK, "ignore": "ignore"}),
    "optional": Control("ignore", _OK),
    "sufficient": Control("ignore", {"success": "done", "new_authtok_reqd": "done"}),
}
_BAD = Control("bad")


@dataclass(frozen=True, slots=True)
class Handler:
    """One step of a stack.

    `module` is the module's file name without directory and `.so` (a whole path when it is not in a directory of PAM
    modules), `level` the depth of substacks. `kind` is `module`,
    `absent` (the module's file is not installed), `fail` (a line that libpam cannot use) or `substack` (its start).
    """

    kind: str
    type: str
    level: int
    control: Control
    module: str
    args: tuple[str, ...]
    where: str

    def option(self, name: str) -> str | None:
        """Return the value of the last argument `name=value`, or None."""
        values = [arg.partition("=")[2] for arg in self.args if arg.startswith(f"{name}=")]
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class Stack:
    """The handlers of one module type of one service; `denied` says why libpam refuses everything, else empty.

    `unreadable` names a file of the stack that we may not read: what the stack does cannot be told. `path` is the
    file that the service starts from.
    """

    service: str
    handlers: tuple[Handler, ...]
    path: str
    denied: str = ""
    unreadable: str = ""


class _Place(NamedTuple):
    """Where a line stands: its file and number, how deep in substacks, how deep in included files."""

    where: str
    level: int
    depth: int


class _Abort(Exception):
    """libpam gives up on this configuration: every request is refused."""


class Configuration:
    """All PAM files of one host, as they were read; raises nothing, whatever they hold."""

    def __init__(self, output: Output, system: System) -> None:
        self._files = output.files
        self._unreadable = output.unreadable
        self._at_include = system.family == "debian"  # a patch of Debian's
        self._listing = output.run("pam.d")
        self.modules, self._module_directories = _installed(
            output.run("modules").lines, system.machine, at_include=self._at_include
        )

    @property
    def problem(self) -> str:
        """Why nothing can be told: a directory that may not be listed, or no modules found; empty when all is well."""
        if self._listing.status != 0:
            return "a directory of PAM service files cannot be listed"
        return "" if self.modules else "no directory of PAM modules was found"

    @property
    def absent(self) -> bool:
        """Whether this host has no PAM configuration at all."""
        return self._listing.status == 0 and not self._directories and "/etc/pam.conf" not in self._files

    def has(self, service: str) -> bool:
        """Return whether the service has a file (or lines in /etc/pam.conf) of its own."""
        if not self._directories:
            try:
                return any(words[0].lower() == service for words, _ in self._pam_conf())
            except _Abort:
                return True  # and libpam refuses it everything
        return any(f"{directory}/{service}" in {*self._files, *self._unreadable} for directory in DIRECTORIES)

    def lines(self) -> Iterator[tuple[list[str], str]]:
        """Yield the words of every line of every service file that libpam may open, and where the line stands."""
        opened: dict[str, str] = {}
        for directory in DIRECTORIES:
            for path in self._files:
                if path.rpartition("/")[0] == directory:
                    opened.setdefault(path.rpartition("/")[2], path)
        for path in sorted(opened.values()) if self._directories else ["/etc/pam.conf"]:
            with suppress(_Abort):
                for number, line in _assemble(self._files.get(path, ""), path):
                    yield _tokens(line), f"{path}:{number}"

    def stack(self, service: str, type_: str) -> Stack:
        """Return what libpam runs for this service and module type: its own lines, else those of `other`."""
        installed = (self.modules, self._module_directories)
        reader = _Reader(self._files, self._unreadable, self._at_include, installed)
        path = ""
        try:
            for name in (service, "other"):
                path, handlers = self._own(reader, name)
                mine = tuple(handler for handler in handlers if handler.type == type_)
                if mine or reader.unreadable:
                    return Stack(service, mine, path, unreadable=reader.unreadable)
        except _Abort as abort:
            return Stack(service, (), path, denied=str(abort), unreadable=reader.unreadable)
        return Stack(service, (), path, denied=f"no {type_} line for {service} or other")

    def _own(self, reader: _Reader, service: str) -> tuple[str, list[Handler]]:
        if not self._directories:
            lines = [(words[1:], where) for words, where in self._pam_conf() if words[0].lower() == service]
            return "/etc/pam.conf", list(reader.parse(iter(lines), None, 0, 0))
        path = reader.find(service)
        return (path, list(reader.load(path, None, 0, 0))) if path else ("", [])

    @property
    def _directories(self) -> bool:
        return any(line.endswith("/") for line in self._listing.lines)

    def _pam_conf(self) -> Iterator[tuple[list[str], str]]:
        path = "/etc/pam.conf"
        for number, line in _assemble(self._files.get(path, ""), path):
            if words := _tokens(line):
                yield words, f"{path}:{number}"


class _Reader:
    """One run of libpam's parser over the files of a service."""

    def __init__(
        self, files: Mapping[str, str], unreadable: set[str], at_include: bool, installed: tuple[set[str], set[str]]
    ) -> None:
        self._files, self._denied, self._at_include = files, unreadable, at_include
        self._modules, self._directories = installed
        self.unreadable = ""

    def find(self, name: str) -> str:
        """Return the path that libpam opens for this name, or an empty string."""
        for path in (name,) if name.startswith("/") else tuple(f"{directory}/{name}" for directory in DIRECTORIES):
            if path in self._files:
                return path
            if path in self._denied or "/" in name:
                self.unreadable = path  # a file outside the service directories was not asked for either
                return ""
        return ""

    def load(self, path: str, wanted: str | None, level: int, depth: int) -> Iterator[Handler]:
        """Yield the handlers of one file."""
        lines = ((_tokens(line), f"{path}:{number}") for number, line in _assemble(self._files[path], path))
        yield from self.parse(lines, wanted, level, depth)

    def parse(
        self, lines: Iterator[tuple[list[str], str]], wanted: str | None, level: int, depth: int
    ) -> Iterator[Handler]:
        """Yield the handlers of these lines; those of another type than `wanted` are passed over."""
        for words, where in lines:
            word = words[0].removeprefix("-").lower() if words else ""
            if word == "@include" and self._at_include:
                if not words[1:] or not (path := self.find(words[1])):
                    if wanted is None:
                        raise _Abort(f"{where}: the file to include is missing")
                    yield Handler("fail", wanted, level, _BAD, "", (), where)
                elif depth + 1 >= _MAX_DEPTH:
                    raise _Abort(f"{where}: files include each other without end")
                else:
                    yield from self._include(path, wanted, (level, level), depth + 1, where)
                continue
            type_ = word if word in _TYPES else wanted or AUTH
            if wanted is None or type_ == wanted:
                yield from self._line(words, type_, _Place(where, level, depth), usable=word in _TYPES)

    def _line(self, words: list[str], type_: str, place: _Place, *, usable: bool) -> Iterator[Handler]:
        where, level, depth = place
        keyword = words[1].lower() if len(words) > 1 else ""
        if keyword in ("include", "substack"):
            substack = keyword == "substack"
            if substack:
                yield Handler("substack", type_, level, _BAD, "", (), where)
            path = self.find(words[2]) if len(words) > 2 else ""
            if path and depth + 1 < _MAX_DEPTH:
                yield from self._include(path, type_, (level, level + substack), depth + 1, where)
            else:
                yield Handler("fail", type_, level, _BAD, "", (), where)
            return
        control = _KEYWORDS.get(keyword) or _control(words[1] if len(words) > 1 else "")
        if not usable or len(words) < 3:
            yield Handler("fail", type_, level, control, "", (), where)
            return
        directory, _, name = words[2].rpartition("/")
        if directory and not self._is_libpams(directory):  # it may be there, and do anything
            yield Handler("module", type_, level, control, words[2], tuple(words[3:]), where)
            return
        kind = "module" if name in self._modules else "absent"
        yield Handler(kind, type_, level, control, name.removesuffix(".so"), tuple(words[3:]), where)

    def _is_libpams(self, directory: str) -> bool:
        """Whether a module's directory is one that was listed, as it may be spelled: without /usr, with $ISA."""
        return directory.replace("/$ISA", "").removeprefix("/usr") in {"security", *self._directories}

    def _include(
        self, path: str, wanted: str | None, levels: tuple[int, int], depth: int, where: str
    ) -> Iterator[Handler]:
        """Yield an included file's handlers at the second level; one that stands for a failure is at the first."""
        try:
            yield from self.load(path, wanted, levels[1], depth)
        except _Abort:
            # what was read before stays in the stack, and a handler that fails follows it
            if wanted is None:
                raise
            yield Handler("fail", wanted, levels[0], _BAD, "", (), where)


def _assemble(text: str, path: str) -> Iterator[tuple[int, str]]:
    """Yield the logical lines with the number of their first physical one; raises _Abort on a cut-off continuation."""
    pending, first = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.lstrip(_BLANK)
        if not line or line.startswith("#"):
            continue  # also between the parts of a continued line
        first = first if pending else number
        body, comment, _ = line.partition("#")
        stripped = body.rstrip(_BLANK)
        if not comment and stripped.endswith("\\"):
            pending += stripped[:-1] + " "
            continue
        yield first, pending + body
        pending = ""
    if pending:
        raise _Abort(f"{path}: the last line ends in a backslash")


def _tokens(line: str) -> list[str]:
    r"""Split as libpam does: at blanks; `[...]` is one word without its brackets, in which `\]` stands for `]`."""
    found, rest = [], line.lstrip(_BLANK)
    while rest:
        if rest[0] == "[":
            inner = re.match(r"\[((?:\\\]|[^\]])*)\]?", rest)
            word, rest = (inner[1].replace("\\]", "]"), rest[inner.end() :]) if inner else (rest[1:], "")
        else:
            end = next((index for index, char in enumerate(rest) if char in _BLANK), len(rest))
            word, rest = rest[:end], rest[end + 1 :]
        found.append(word)
        rest = rest.lstrip(_BLANK)
    return found


def _control(word: str) -> Control:
    """Read `value=action ...`; a word that libpam cannot parse makes every return code bad."""
    actions: dict[str, Action] = {}
    position = 0
    while word[position:].strip():
        found = _PAIR.match(word, position)
        if found is None or (found[2].isdigit() and int(found[2]) == 0):
            return _BAD
        action: Action = int(found[2]) if found[2].isdigit() else found[2]
        if found[1] == "default":
            for code in RETURN_CODES:  # fills what is still open; a later pair may overwrite it
                actions.setdefault(code, action)
        else:
            actions[found[1]] = action
        position = found.end()
    return Control("bad", actions)


def _installed(lines: list[str], machine: str, *, at_include: bool) -> tuple[set[str], set[str]]:
    """Return the module files of libpam's own directory (of several, the one that fits the machine), and its names.

    Debian's libpam looks into /lib/security too, where modules lie that no package brought.
    """
    directories: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("/"):
            directories[line.removesuffix(":")] = set()
        elif directories:
            directories[next(reversed(directories))].add(line)
    own = [path for path, names in directories.items() if "pam_unix.so" in names]
    own = [path for path in own if (machine and machine in path) or "/lib64/" in path] or own
    if own and at_include:
        own += [path for path in ("/lib/security", "/usr/lib/security") if path in directories]
    spelled = {path.removeprefix("/usr") for path in own}
    spelled |= {path.replace("/lib64/", "/lib/") for path in spelled}  # $ISA stands for ../lib64/security
    return set().union(*(directories[path] for path in own)), spelled
