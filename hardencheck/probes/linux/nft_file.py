"""A file for `nft -f` (nft(8)), such as /etc/nftables.conf, as the ruleset that it loads on a host without any.

The statements become nft's JSON, which the reader of the loaded rules takes. nft loads a file whole or not at all: what
is not understood here makes the whole file `NotUnderstood`, and so do chains and sets that it names and does not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from posixpath import dirname, join
from typing import Any

from hardencheck.probes.linux import nft_rule, nftables
from hardencheck.probes.linux.nft_rule import Json, NotUnderstood
from hardencheck.probes.linux.nft_values import TYPES, Reader
from hardencheck.probes.linux.packet_filter import Ruleset

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r]+|\\\n|\#[^\n]*)
    |(?P<string>"[^"\n]*")
    |(?P<mac>(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:]))
    |(?P<six>(?=[0-9A-Fa-f]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]+(?:/\d+|-[0-9A-Fa-f:.]+)?)
    |(?P<word>[@$]?[A-Za-z0-9_](?:[A-Za-z0-9_.*/-]*[A-Za-z0-9_*])?)
    |(?P<mark>==|!=|<=|>=|[{}();:,.=<>&|!*\n+-])""",
    re.VERBOSE,
)
_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting", "ingress", "egress")
#: objects of a table that decide nothing by themselves
_OBJECTS = ("counter", "quota", "limit", "flowtable", "synproxy", "secmark")
_SET_FLAGS = {"constant", "interval", "timeout", "dynamic"}
_MAX_FILES = 50


@dataclass(slots=True)
class NftFile:
    """What a file loads: `items` as nft lists them in JSON, and whether it empties the whole ruleset first."""

    items: list[Json] = field(default_factory=list)
    flushes: bool = False

    def load(self, ruleset: Ruleset) -> None:
        """Add it to a ruleset; raises NotUnderstood for what the kernel would refuse, as a jump to nowhere."""
        chains = {(_key(one), one["name"]) for one in _all(self.items, "chain")}
        sets = {(_key(one), one["name"]) for kind in ("set", "map") for one in _all(self.items, kind)}
        for one in _all(self.items, "rule"):
            if (_key(one), one["chain"]) not in chains:
                raise NotUnderstood(f"a rule in chain {one['chain']}, which the file does not have")
            for kind, name in _named(one["expr"]):
                if (_key(one), name) not in (sets if kind == "set" else chains):
                    raise NotUnderstood(f"{kind} {name}, which the file does not have")
        if any("flags" in one for one in _all(self.items, "table")):
            raise NotUnderstood("a table with flags")
        text = json.dumps({"nftables": [{"metainfo": {}}, *self.items]})
        if nftables.load(text, ruleset, []):
            raise NotUnderstood("expressions of iptables")


def parse(path: str, files: Mapping[str, str], patterns: Collection[str] = ()) -> NftFile:
    """Read a file and what it includes, out of these files; raises NotUnderstood.

    `patterns` are the patterns in includes of which all files were read.
    """
    return _Reader(files, patterns).file(path)


def _key(one: Json) -> str:
    return f"{one['family']} {one['table']}"


def _all(items: list[Json], kind: str) -> list[Json]:
    return [item[kind] for item in items if kind in item]


def _named(expression: Any) -> Iterator[tuple[str, str]]:
    """Yield the sets and chains that an expression names."""
    if isinstance(expression, str) and expression.startswith("@"):
        yield "set", expression[1:]
    elif isinstance(expression, list):
        for item in expression:
            yield from _named(item)
    elif isinstance(expression, dict):
        for kind, body in expression.items():
            if kind in ("jump", "goto"):
                yield "chain", body["target"]
            elif kind != "comment":
                yield from _named(body)


class _Reader:
    def __init__(self, files: Mapping[str, str], patterns: Collection[str]) -> None:
        self.files = files
        self.patterns = patterns
        self.found = NftFile()
        self.variables: dict[str, list[str]] = {}
        self.tokens: list[str] = []
        self.position = 0
        self.opened = 0

    def file(self, path: str) -> NftFile:
        self.tokens = self._tokens(path)
        while self.position < len(self.tokens):
            if not self._skip_ends():
                self._command()
        return self.found

    def _tokens(self, path: str) -> list[str]:
        self.opened += 1
        if path not in self.files or self.opened > _MAX_FILES:
            raise NotUnderstood(f"{path} was not read")
        text, position, found = self.files[path], 0, []
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise NotUnderstood(f"{path}: {text[position : position + 20]!r}")
            position = match.end()
            if match.lastgroup != "skip":
                found.append(match[0])
        return found

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _take(self, *expected: str) -> str:
        word = self._peek()
        if not word or word == "\n" or (expected and word not in expected):
            raise NotUnderstood(f"{word.strip() or 'the end'!r} where {' or '.join(expected) or 'a word'} belongs")
        self.position += 1
        return word

    def _last(self, *expected: str) -> str:
        """Take the last word of a statement."""
        word = self._take(*expected)
        if self._peek() not in ("\n", ";", "}"):
            raise NotUnderstood(f"{self._peek()!r} after {word!r}")
        return word

    def _skip_ends(self) -> bool:
        start = self.position
        while self._peek() in ("\n", ";"):
            self.position += 1
        return self.position > start

    def _statement(self) -> list[str]:
        """Take the tokens up to the end of a statement, without newlines in braces and with variables filled in."""
        found: list[str] = []
        depth = 0
        while self._peek() and (depth or self._peek() not in ("\n", ";", "}")):
            word = self.tokens[self.position]
            self.position += 1
            depth += {"{": 1, "}": -1}.get(word, 0)
            if word != "\n":
                found += self._filled(word)
        if depth:
            raise NotUnderstood("a brace that is not closed")
        return _flat(found)

    def _filled(self, word: str) -> list[str]:
        if not word.startswith("$"):
            return [word]
        if word[1:] not in self.variables:
            raise NotUnderstood(f"the variable {word} is not defined")
        return self.variables[word[1:]]

    def _command(self) -> None:
        word = self._take()
        if word == "include":
            self._include(self._take().strip('"'))
        elif word in ("define", "redefine"):
            name = self._take()
            self._take("=")
            self.variables[name] = self._statement()
        elif word == "flush":
            self._flush()
        elif word == "table" or (word in ("add", "create") and self._peek() == "table"):
            self.position += word != "table"
            self._table()
        elif word in ("add", "create") and self._peek() == "chain":
            self._take()
            family, table, name = self._names(3)
            self._chain(family, table, name)
        elif word in ("add", "insert") and self._peek() == "rule":
            self._take()
            family, table, name = self._names(3)
            self._rule(family, table, name, front=word == "insert")
        else:
            raise NotUnderstood(f"the command {word!r}")

    def _include(self, pattern: str) -> None:
        if not pattern.startswith("/"):
            pattern = join("/etc", pattern)
        if set("*?[") & set(pattern):
            if pattern not in self.patterns:
                raise NotUnderstood(f"{pattern} was not read")
            paths = sorted(
                path for path in self.files if fnmatchcase(path, pattern) and dirname(path) == dirname(pattern)
            )
        else:
            paths = [pattern]
        inside = [word for path in paths for word in (*self._tokens(path), "\n")]
        self.tokens[self.position : self.position] = inside

    def _flush(self) -> None:
        words = self._statement()
        if words[:1] == ["ruleset"] and set(words[1:]) <= set(_FAMILIES) and len(words) < 3:
            kept = set(_FAMILIES) - set(words[1:] or _FAMILIES)
            self.found.flushes |= not kept
            self.found.items = [item for item in self.found.items if next(iter(item.values()))["family"] in kept]
        elif words[:1] == ["table"] and len(words) in (2, 3):
            # the table must be there: nft refuses to empty one that is not
            family, table = words[1] if len(words) == 3 else "ip", words[-1]
            mine = [item for item in self.found.items if item.get("table", {}) == {"family": family, "name": table}]
            if not mine:
                raise NotUnderstood(f"flush of table {table}, which may not be there")
            self.found.items = [
                item for item in self.found.items
                if "rule" not in item or _key(item["rule"]) != f"{family} {table}"
            ]  # fmt: skip
        else:
            raise NotUnderstood(f"flush {' '.join(words)}")

    def _names(self, count: int) -> list[str]:
        """Take `[family] table ...`: the family is ip where none is given."""
        family = self._take() if self._peek() in _FAMILIES else "ip"
        return [family, *(nft_rule.name(self._take()) for _ in range(count - 1))]

    def _table(self) -> None:
        family, name = self._names(2)
        item = {"table": {"family": family, "name": name}}
        if item not in self.found.items:
            self.found.items.append(item)
        if self._peek() != "{":
            return
        for word in self._inside():
            if word == "chain":
                self._chain(family, name, nft_rule.name(self._take()))
            elif word in ("set", "map"):
                self._set(word, family, name, nft_rule.name(self._take()))
            elif word in _OBJECTS:
                self._take()
                self._statement()
            elif word == "comment":
                self._last()
            else:
                raise NotUnderstood(f"{word!r} in table {name}")

    def _inside(self) -> Iterator[str]:
        """Yield the first word of each statement in braces, which the caller reads on."""
        self._take("{")
        while True:
            self._skip_ends()
            if self._peek() == "}":
                self.position += 1
                return
            yield self._take()

    def _chain(self, family: str, table: str, name: str) -> None:
        mine = (f"{family} {table}", name)
        known = [one for one in _all(self.found.items, "chain") if (_key(one), one["name"]) == mine]
        chain = known[0] if known else {"family": family, "table": table, "name": name}
        if not known:
            self.found.items.append({"chain": chain})
        if self._peek() != "{":
            return
        for word in self._inside():
            if word == "type":
                hook = _hook(["type", *self._statement()], family)
                if chain.get("hook", hook["hook"]) != hook["hook"]:
                    raise NotUnderstood(f"two hooks of chain {name}")
                chain.update(hook)
            elif word == "policy":
                chain["policy"] = self._last("accept", "drop")
            elif word == "comment":
                self._last()
            else:
                self.position -= 1
                self._rule(family, table, name)

    def _rule(self, family: str, table: str, name: str, *, front: bool = False) -> None:
        place = {"family": family, "table": table, "chain": name}
        made = {"rule": {**place, "expr": nft_rule.rule(self._statement(), family)}}
        mine = [number for number, item in enumerate(self.found.items) if place.items() <= item.get("rule", {}).items()]
        if front and mine:
            self.found.items.insert(mine[0], made)
        else:
            self.found.items.append(made)

    def _set(self, kind: str, family: str, table: str, name: str) -> None:
        made: Json = {"family": family, "table": table, "name": name}
        types: list[Reader] = []
        verdicts = False
        for word in self._inside():
            words = nft_rule.Words(self._statement())
            if word == "type":
                types, verdicts = _types(words.tokens)
            elif word == "flags":
                made["flags"] = words.tokens[::2]
                if not words.tokens or not set(made["flags"]) <= _SET_FLAGS or set(words.tokens[1::2]) - {","}:
                    raise NotUnderstood(f"the flags of set {name}")
            elif word == "elements":
                words.take("=")
                made["elem"] = [_element(item, types, verdicts=verdicts) for item in words.block()]
            elif word not in ("timeout", "size", "gc-interval", "auto-merge", "comment", "policy", "counter"):
                raise NotUnderstood(f"{word!r} in set {name}")
        if not types or verdicts is (kind == "set"):
            raise NotUnderstood(f"the type of {kind} {name}")
        listed = [item[0] if verdicts else item for item in made.get("elem", [])]
        if not nft_rule.apart(listed) or (nft_rule.ranged(listed) and "interval" not in made.get("flags", [])):
            raise NotUnderstood(f"elements of {kind} {name} that overlap, or ranges in a set that is not made for them")
        self.found.items.append({kind: made})


def _hook(words: list[str], family: str) -> Json:
    """Read `type filter hook input priority filter + 10`, and the policy where it follows on the same line."""
    given = nft_rule.Words(words)
    given.take("type")
    kind = given.take("filter", "nat", "route")
    given.take("hook")
    hook = given.take(*_HOOKS)
    if given.skip("device"):
        given.take()
    given.take("priority")
    text = " ".join(given.tokens[given.position :])
    found = re.fullmatch(r"([a-z]*)(?: ?([+-] ?\d+))?|()(\d+)", text)
    if found is None or not text or (found[1] and found[1] not in _PRIORITIES) or family == "bridge":
        raise NotUnderstood(f"priority {text}")
    priority = _PRIORITIES.get(found[1] or "", 0) + int((found[2] or found[4] or "0").replace(" ", ""))
    return {"type": kind, "hook": hook, "prio": priority}


def _types(words: list[str]) -> tuple[list[Reader], bool]:
    keys, _, target = " ".join(words).partition(" : ")
    names = keys.split(" . ")
    if not set(names) <= set(TYPES) or target not in ("", "verdict"):
        raise NotUnderstood(f"a set of type {' '.join(words)}")
    return [TYPES[name] for name in names], bool(target)


def _element(item: list[str], types: list[Reader], *, verdicts: bool) -> Any:
    if not verdicts:
        return nft_rule.value(types, item)
    if ":" not in item:
        raise NotUnderstood(f"an element without a verdict: {' '.join(item)}")
    at = item.index(":")
    key = "*" if item[:at] == ["*"] else nft_rule.value(types, item[:at])
    return [key, nft_rule.verdict(item[at + 1 :])]


def _flat(words: list[str]) -> list[str]:
    """Open the braces of variables that stand inside of braces, as nft does."""
    found: list[str] = []
    depth = 0
    for word in words:
        if word == "{":
            depth += 1
        if word in "{}" and (depth > 1):
            depth -= word == "}"
            continue
        depth -= word == "}"
        found.append(word)
    return found
