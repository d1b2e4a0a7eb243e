"""USBGuard's rule language (usbguard-rules.conf(5), RuleParser/Grammar.hpp), and which rules let storage in.

Rules are scanned in order and the first that matches decides. A rule matches when all its attributes do; a set without
an operator means `equals`. `one-of` and `all-of` also match devices that have further interfaces, so that a stick which
calls itself a keyboard as well gets in; `equals`, `equals-ordered` and `match-all` do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TARGETS = ("allow", "block", "reject", "match", "device")

#: Interface classes through which files leave or networks come in, by what they are called.
CARRIERS = {
    "08": "mass storage", "06": "pictures (cameras, phones)", "02": "network (modems, phones)",
    "e0": "wireless (Bluetooth, phones)", "ff": "a protocol of its maker's own (phones)",
}  # fmt: skip

_STRING = r'"(?:\\.|[^"\\\r\n])*"'
_ID = r"(?:[0-9A-Fa-f]{4}|\*):(?:[0-9A-Fa-f]{4}|\*)"
_INTERFACE = r"[0-9A-Fa-f]{2}:(?:[0-9A-Fa-f]{2}:(?:[0-9A-Fa-f]{2}|\*)|\*:\*)"
_CONDITION = r"!?[A-Za-z-][A-Za-z0-9-]*(?:\((?:\\.|[^)\\\r\n])*\))?"
_VALUES = {
    "id": _ID,
    "with-interface": _INTERFACE,
    "if": _CONDITION,
    **dict.fromkeys(("hash", "parent-hash", "name", "serial", "via-port", "with-connect-type", "label"), _STRING),
}
_TARGET = re.compile(rf"[ \t]*({'|'.join(TARGETS)})(?=[ \t#]|\Z)")
_BARE_ID = re.compile(rf"[ \t]+({_ID})(?=[ \t#]|\Z)")
_NAME = re.compile(rf"[ \t]+({'|'.join(sorted(_VALUES, key=len, reverse=True))})[ \t]+")
_OPERATOR = re.compile(r"(all-of|one-of|none-of|equals-ordered|equals|match-all)[ \t]+(?=\{)")
_END = re.compile(r"[ \t]*(?:#.*)?\Z")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One attribute's operator (`equals` unless written) and its values."""

    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: target, attributes by name, and where it stands."""

    target: str
    where: str
    attributes: Mapping[str, Matcher] = field(default_factory=dict)

    @property
    def always(self) -> bool:
        """Whether it matches every device."""
        return not set(self.attributes) - {"label"}

    @property
    def names_device(self) -> bool:
        """Whether it matches one product (vendor and product id) or one device (hash) only."""
        by_id, by_hash = self.attributes.get("id"), self.attributes.get("hash")
        if by_hash is not None and by_hash.operator != "none-of":
            return True
        return by_id is not None and by_id.operator != "none-of" and not any("*" in value for value in by_id.values)

    def may_have(self, interface_class: str) -> bool:
        """Whether a device that has an interface of this class can match."""
        interfaces = self.attributes.get("with-interface")
        if interfaces is None or interfaces.operator in ("one-of", "all-of"):
            return True
        named = [value for value in interfaces.values if value[:2].lower() == interface_class]
        if interfaces.operator == "none-of":
            return not any(value[2:] == ":*:*" for value in named)
        return bool(named)

    @property
    def closes(self) -> frozenset[str]:
        """The interface classes of which no device gets past this rule."""
        interfaces = self.attributes.get("with-interface")
        if self.target not in ("block", "reject") or set(self.attributes) - {"label", "with-interface"}:
            return frozenset()
        if interfaces is None:
            return frozenset(CARRIERS)
        if interfaces.operator != "one-of" and not (interfaces.operator == "all-of" and len(interfaces.values) == 1):
            return frozenset()
        return frozenset(value[:2].lower() for value in interfaces.values if value[2:] == ":*:*")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one or more files in order, and the lines that USBGuard refuses (it does not start with any)."""

    rules: tuple[Rule, ...]
    refused: tuple[str, ...]


def read(files: Iterable[tuple[str, str]]) -> Rules:
    """Read files (path, text) in the order in which the daemon loads them."""
    rules, refused = [], []
    for path, text in files:
        for number, line in enumerate(text.split("\n"), 1):
            if not line.lstrip(" \t") or line.lstrip(" \t").startswith("#"):
                continue
            rule = parse(line, f"{path}:{number}")
            if rule is None:
                refused.append(f"{path}:{number}")
            else:
                rules.append(rule)
    return Rules(tuple(rules), tuple(refused))


def parse(line: str, where: str) -> Rule | None:
    """Read one line; None when USBGuard refuses it."""
    found = _TARGET.match(line)
    if found is None:
        return None
    target, position = found[1], found.end()
    attributes: dict[str, Matcher] = {}
    if bare := _BARE_ID.match(line, position):
        attributes["id"], position = Matcher("equals", (bare[1],)), bare.end()
    while name := _NAME.match(line, position):
        matcher, position = _matcher(line, name.end(), re.compile(_VALUES[name[1]]))
        if matcher is None or name[1] in attributes:
            return None
        attributes[name[1]] = matcher
    return Rule(target, where, attributes) if _END.match(line, position) else None


def loose(rules: Iterable[Rule]) -> list[str]:
    """Name the rules that allow devices nobody named, or carriers of data without naming the product or the device."""
    found, closed = [], frozenset[str]()
    for rule in rules:
        if rule.target == "allow" and not rule.names_device:
            interfaces = rule.attributes.get("with-interface")
            carried = [title for code, title in CARRIERS.items() if code not in closed and rule.may_have(code)]
            if interfaces is None or interfaces.operator == "none-of":
                found.append(f"{rule.where}: allows devices without naming product, device or interfaces")
            elif carried:
                found.append(f"{rule.where}: allows devices with {', '.join(carried)} without naming one")
        if rule.target in ("block", "reject") and rule.always:
            break
        closed |= rule.closes
    return found


def _matcher(line: str, position: int, value: re.Pattern[str]) -> tuple[Matcher | None, int]:
    """Read one value or a set of values; None when it is neither."""
    operator = "equals"
    if found := _OPERATOR.match(line, position):
        operator, position = found[1], found.end()
    if line[position : position + 1] != "{":
        single = value.match(line, position)
        return (Matcher(operator, (single[0],)), single.end()) if single else (None, position)
    position, values = position + 1, list[str]()
    while True:
        start = position
        position += len(line[position:]) - len(line[position:].lstrip(" \t"))
        if line[position : position + 1] == "}":
            return (Matcher(operator, tuple(values)) if values else None), position + 1
        found = value.match(line, position)
        if found is None or (values and start == position):
            return None, position
        values.append(found[0])
        position = found.end()
