"""rsyslog's configuration as far as it decides which messages about logins leave the host (rsyslog.conf(5)).

All three languages are read: RainerScript objects and `if`, legacy lines (`auth.* @@host:port`, `:omrelp:host:port`,
`$Directive`), property filters. Included files are read where they are included. Statements run in their order, in the
default ruleset; another ruleset counts where it is called. `stop` and `~` end the way of what they select. omfwd's
default protocol is udp. What stands below `if` or a property filter is conditional, unless it selects facilities alone;
a `stop` there takes away what logins write when it names their programs, and leaves the rest in doubt when it names
nothing plain (see rsyslog_filter).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from hardencheck.probes.linux import rsyslog_filter

#: The facilities that record logins and what root does.
AUTH = frozenset({"auth", "authpriv"})
_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_ALIASES = {"panic": "emerg", "error": "err", "warn": "warning"}
_INFO = 6
_MAX_DEPTH = 8

_BLANK = re.compile(r"(?:\s+|#[^\n]*|/\*.*?\*/)+", re.DOTALL)
_OBJECT = re.compile(r"([a-z_]+)\s*\(", re.IGNORECASE)
_PARAMETER = re.compile(r'([\w.]+)\s*=\s*(?:\[\s*)?"((?:\\.|[^"\\])*)"')
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_THEN = re.compile(r"\bthen\b", re.IGNORECASE)
_WORD = re.compile(r"(?:stop|call|call_indirect|continue|set|unset|reset|reload_lookup_table)\b", re.IGNORECASE)
_PROPERTY = re.compile(r':[\w$!.-]+\s*,\s*!?\w+\s*(?:,\s*"(?:\\.|[^"\\])*")?[ \t]*')
_SELECTOR = re.compile(r"[*\w][\w*,.;=!]*\.[\w*,.;=!]+[ \t]*")
_FORWARD = re.compile(r"(?P<tcp>@@?)(?:\((?P<options>[^)]*)\))?(?P<target>\[[^\]]*\]|[^\s:;]+)(?::(?P<port>[^\s;]+))?")
_RELP = re.compile(r":omrelp:(?P<target>\[[^\]]*\]|[^\s:;]+)(?::(?P<port>[^\s;]+))?", re.IGNORECASE)
_DIRECTIVE = re.compile(r"\$(\w+)[ \t]+([^\n#]*)")
#: outputs to other servers by other protocols, and the parameter that names the server
_OTHER = {"omelasticsearch": "server", "omkafka": "broker", "omhttp": "server", "omclickhouse": "server"}


@dataclass(frozen=True, slots=True)
class Forward:
    """One action that sends messages elsewhere; `facilities` are those of AUTH that surely reach it.

    `conditional`: whether they do is up to a filter, and `filter` may name it. `unreached` says why the action is never
    run, or not for some messages about logins.
    """

    target: str
    port: str
    transport: str
    where: str
    facilities: frozenset[str] = AUTH
    conditional: bool = False
    unreached: str = ""
    filter: str = ""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What reaches a statement: the facilities that a selector lets through, and whether a filter stands above.

    `filters` are those filters: expressions, and for the other branch of an `if` "".
    """

    facilities: frozenset[str] = AUTH
    conditional: bool = False
    filters: tuple[str, ...] = ()

    def below(self, expression: str) -> _Scope:
        """Return what reaches the statement below a filter."""
        if selector := rsyslog_filter.selector(expression):
            return replace(self, facilities=self.facilities & selected(selector))
        return replace(self, conditional=True, filters=(*self.filters, expression))

    def otherwise(self, expression: str) -> _Scope:
        """Return what reaches the statement behind `else`."""
        if selector := rsyslog_filter.selector(expression):
            return replace(self, facilities=self.facilities - selected(selector))
        return replace(self, conditional=True, filters=(*self.filters, ""))

    @property
    def holds_back(self) -> bool | None:
        """Whether messages about logins get here: None when that is not plain."""
        answers = [rsyslog_filter.holds_back(one) for one in self.filters]
        return False if not self.facilities or False in answers else None if None in answers or answers[1:] else True


@dataclass(frozen=True, slots=True)
class _Step:
    """One statement: a forward, the call of a ruleset, or an end."""

    scope: _Scope
    forward: Forward | None = None
    call: str = ""
    where: str = ""


@dataclass
class Rsyslog:
    """What the configuration says; `unclear` names what could not be followed.

    `inputs` are the modules that bring in messages of this host (imuxsock, imjournal).
    """

    inputs: set[str] = field(default_factory=set)
    unclear: str = ""
    forwards: list[Forward] = field(default_factory=list)


def read(files: Mapping[str, str], main: str) -> Rsyslog:
    """Read the configuration from its main file; raises nothing, whatever the files hold."""
    reader = _Reader(files)
    try:
        reader.file(main, 0)
    except RecursionError:
        return Rsyslog(unclear=f"{main} is nested too deeply to be followed")
    found = Rsyslog(reader.inputs, reader.unclear)
    named = {name: list(steps) for name, steps in reader.rulesets.items()}
    reached: set[str] = set()
    # rsyslog refuses a default that is not there, and keeps its own
    default = reader.default if reader.default in named else ""
    found.forwards += _walk(named, default, reached, set(AUTH))
    for name, steps in named.items():
        if name not in reached:
            why = f"nothing calls its ruleset {name}".rstrip()
            found.forwards += [replace(step.forward, unreached=why) for step in steps if step.forward]
    return found


def _walk(rulesets: dict[str, list[_Step]], name: str, reached: set[str], alive: set[str]) -> Iterator[Forward]:
    """Yield the forwards of a ruleset and of those that it calls; `alive` loses what is stopped on the way."""
    if name in reached:
        return
    reached.add(name)
    stopped = doubt = ""
    for step in rulesets.get(name, []):
        through = step.scope.facilities & alive
        if step.forward:
            conditional = step.scope.conditional or step.forward.conditional
            ended = stopped if alive else "messages about logins are stopped before it"
            yield replace(
                step.forward, facilities=through, conditional=conditional or bool(doubt), unreached=ended,
                filter="" if conditional else doubt,
            )  # fmt: skip
        elif step.call:
            for forward in _walk(rulesets, step.call, reached, set(through)):
                conditional = forward.conditional or step.scope.conditional or bool(doubt)
                unreached = forward.unreached or stopped
                yield replace(forward, conditional=conditional, unreached=unreached, filter=forward.filter or doubt)
        elif not step.scope.conditional:
            alive -= step.scope.facilities
        elif step.scope.holds_back:
            stopped = stopped or f"{step.where} stops messages about logins before it"
        elif step.scope.holds_back is None:
            doubt = doubt or f"whether {step.where} stops messages about logins before it cannot be told"


class _Reader:
    """Reads statements into rulesets."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self.rulesets: dict[str, list[_Step]] = {"": []}
        self.default = ""
        self.inputs: set[str] = set()
        self.unclear = ""
        self._ruleset = ""
        self._tls = False
        self._last = _Scope()
        self._path, self._text, self._depth = "", "", 0

    def file(self, path: str, depth: int) -> None:
        """Read one file; what is around it is kept."""
        kept = self._path, self._text, self._depth
        if path not in self._files or depth > _MAX_DEPTH:
            self.unclear = self.unclear or f"{path} was not read"
            return
        self._path, self._text, self._depth = path, self._files[path].replace("\\\n", " "), depth
        self._statements(0, _Scope())
        self._path, self._text, self._depth = kept

    def _where(self, position: int) -> str:
        return f"{self._path}:{self._text.count(chr(10), 0, position) + 1}"

    def _skip(self, position: int) -> int:
        found = _BLANK.match(self._text, position)
        return found.end() if found else position

    def _statements(self, position: int, scope: _Scope) -> int:
        """Read until the block or the text ends; return where."""
        while (position := self._skip(position)) < len(self._text):
            if self._text[position] == "}":
                return position + 1
            position = self._statement(position, scope)
        return position

    def _statement(self, start: int, scope: _Scope) -> int:
        """Read one statement at a position that is not blank; return the position behind it."""
        text, sign = self._text, self._text[start : start + 1]
        if sign == "{":
            return self._statements(start + 1, scope)
        if found := _OBJECT.match(text, start):
            if found[1].lower() == "if":
                return self._if(start + 2, scope)
            return self._object(found[1].lower(), found.end(), scope)
        if re.compile(r"if\b", re.IGNORECASE).match(text, start):
            return self._if(start + 2, scope)
        if found := _WORD.match(text, start):
            return self._word(found, scope)
        if sign == "$":
            return self._directive(start)
        if sign == "&":
            return self._action(self._blank(start + 1), self._last)
        if found := _PROPERTY.match(text, start):
            self._last = scope.below(found[0].strip())
            return self._action(found.end(), self._last)
        if found := _SELECTOR.match(text, start):
            self._last = replace(scope, facilities=scope.facilities & selected(found[0].strip()))
            return self._action(found.end(), self._last)
        if sign in "@~:":
            return self._action(start, scope)
        return max(self._line_end(start), start + 1)

    def _blank(self, position: int) -> int:
        while self._text[position : position + 1] in (" ", "\t"):
            position += 1
        return position

    def _line_end(self, position: int) -> int:
        end = self._text.find("\n", position)
        return len(self._text) if end < 0 else end

    def _add(self, step: _Step) -> None:
        self.rulesets.setdefault(self._ruleset, []).append(step)

    def _if(self, position: int, scope: _Scope) -> int:
        """Read `if EXPRESSION then STATEMENT [else STATEMENT]`."""
        start = position
        while position < len(self._text):
            if found := _TEXT.match(self._text, position):
                position = found.end()
            elif found := _THEN.match(self._text, position):
                break
            else:
                position += 1
        expression = self._text[start:position].strip()
        position = self._skip(position + len("then"))
        position = self._statement(position, scope.below(expression)) if position < len(self._text) else position
        after = self._skip(position)
        if re.compile(r"else\b", re.IGNORECASE).match(self._text, after):
            after = self._skip(after + len("else"))
            return self._statement(after, scope.otherwise(expression)) if after < len(self._text) else after
        return position

    def _word(self, found: re.Match[str], scope: _Scope) -> int:
        word = found[0].lower()
        if word == "stop":
            self._add(_Step(scope, where=self._where(found.start())))
        elif word == "call":
            name = re.compile(r"\s+([\w.-]+)").match(self._text, found.end())
            if name:
                self._add(_Step(scope, call=name[1]))
                return name.end()
        elif word == "call_indirect":
            self.unclear = self.unclear or f"{self._where(found.start())}: the ruleset that is called is not named"
        if word in ("set", "unset", "reset", "call_indirect"):
            end = self._text.find(";", found.end())
            return len(self._text) if end < 0 else end + 1
        return found.end()

    def _directive(self, start: int) -> int:
        found = _DIRECTIVE.match(self._text, start)
        if found is None:
            return self._line_end(start)
        name, value = found[1].lower(), found[2].strip()
        if name == "includeconfig":
            self._include(value, start)
        elif name == "modload" and value.lower().partition(".")[0] in ("imuxsock", "imjournal"):
            self.inputs.add(value.lower().partition(".")[0])
        elif name == "omitlocallogging" and value.lower() == "on":
            self.inputs.discard("imuxsock")
        elif name == "ruleset":
            self._ruleset = "" if value == "RSYSLOG_DefaultRuleset" else value
        elif name == "defaultruleset":
            self.default = "" if value == "RSYSLOG_DefaultRuleset" else value
        elif name == "actionsendstreamdrivermode":
            self._tls = value == "1"
        return found.end()

    def _object(self, name: str, start: int, scope: _Scope) -> int:
        """Read an object's parameters and, for a ruleset or template, its block."""
        position = start
        while position < len(self._text) and self._text[position] != ")":
            found = _TEXT.match(self._text, position) or _BLANK.match(self._text, position)
            position = found.end() if found else position + 1
        given = {key.lower(): value for key, value in _PARAMETER.findall(self._text[start:position])}
        end = position + 1
        kind = given.get("type", given.get("load", "")).lower()
        if name == "action":
            self._output(kind, given, self._where(start), scope)
        elif name == "include":
            self._include(given.get("file", ""), start) if "text" not in given else self._inline()
        elif name in ("module", "input") and kind in ("imuxsock", "imjournal"):
            if given.get("syssock.use", "on").lower() == "off":
                self.inputs.discard("imuxsock")
            else:
                self.inputs.add(kind)
        elif name in ("ruleset", "template") and self._text[self._skip(end) : self._skip(end) + 1] == "{":
            kept, self._ruleset = self._ruleset, given.get("name", "") if name == "ruleset" else "(template)"
            self.rulesets.setdefault(self._ruleset, [])
            end = self._statements(self._skip(end) + 1, _Scope())
            self._ruleset = kept
        return end

    def _inline(self) -> None:
        self.unclear = self.unclear or f"{self._path}: include(text=...) is not followed"

    def _include(self, pattern: str, start: int) -> None:
        pattern = f"{pattern}*" if pattern.endswith("/") else pattern
        plain = not any(sign in pattern for sign in "*?[")
        folder = pattern.rpartition("/")[0]
        found = [path for path in self._files if path.rpartition("/")[0] == folder and fnmatchcase(path, pattern)]
        if plain and pattern not in self._files:
            self.unclear = self.unclear or f"{self._where(start)}: {pattern} was not read"
        for path in sorted(found):
            self.file(path, self._depth + 1)

    def _output(self, kind: str, given: dict[str, str], where: str, scope: _Scope) -> None:
        target = given.get("target", given.get(_OTHER.get(kind, ""), ""))
        if kind == "omfwd" and target:
            protocol = given.get("protocol", "udp").lower()
            transport = "tls" if given.get("streamdrivermode") == "1" else protocol
        elif kind == "omrelp" and target:
            transport = "tls" if given.get("tls", "off").lower() == "on" else "relp"
        elif kind in _OTHER and target:
            transport = "tcp"
        else:
            return
        port = "" if kind in _OTHER else given.get("port", "514")
        self._add(_Step(scope, Forward(target.strip("[]"), port, transport, where)))

    def _action(self, position: int, scope: _Scope) -> int:
        """Read the action behind a selector or filter: an object, a block, a word, or the rest of the line."""
        text = self._text
        if text[position : position + 1] == "{" or _OBJECT.match(text, position) or _WORD.match(text, position):
            return self._statement(position, scope)
        end = self._line_end(position)
        line = text[position:end].strip()
        if found := _FORWARD.match(line):
            secure = self._tls and found["tcp"] == "@@"
            transport = "tls" if secure else "tcp" if found["tcp"] == "@@" else "udp"
            forward = Forward(found["target"].strip("[]"), found["port"] or "514", transport, self._where(position))
            self._add(_Step(scope, forward))
        elif found := _RELP.match(line):
            forward = Forward(found["target"].strip("[]"), found["port"] or "514", "relp", self._where(position))
            self._add(_Step(scope, forward))
        elif line.startswith("~"):
            self._add(_Step(scope, where=self._where(position)))
        return end


def selected(selector: str) -> frozenset[str]:
    """Return which facilities of AUTH a selector lets through at severity info; later parts win (syslog.conf(5))."""
    masks: dict[str, set[int]] = {name: set() for name in AUTH}
    for part in selector.split(";"):
        names, _, priority = part.rpartition(".")
        word = priority.lstrip("!=").lower()
        word = _ALIASES.get(word, word)
        if word == "*":
            severities = set(range(8))
        elif word in _SEVERITIES or word in "01234567":
            level = _SEVERITIES.index(word) if word in _SEVERITIES else int(word or 0)
            severities = {level} if "=" in priority else set(range(level + 1))
        else:
            severities = set()
        for name in AUTH:
            if not {"*", name} & set(names.lower().split(",")):
                continue
            if word == "none":
                masks[name] = set()
            else:
                masks[name] = masks[name] - severities if priority.startswith("!") else masks[name] | severities
    return frozenset(name for name, mask in masks.items() if _INFO in mask)
