"""What the lint says of commands: their names, and the arguments that would make a reading command act."""

from __future__ import annotations

import re
from collections.abc import Callable

from tree_sitter import Node

from tests.powershell import policy
from tests.powershell.members import type_name
from tests.powershell.script import Script, ancestors, arguments, command_name, literal
from tests.powershell.syntax import text_of, walk

_NAME = re.compile(r"[A-Za-z]+(-[A-Za-z]+)?")
_RANGE = re.compile(r"\d+\.\.\d+")
_TOKEN = re.compile(r"[\w.*\\/:=%?+-]+", re.ASCII)
_REGISTRY = re.compile(r"\b(hk(lm|cu|cr|u|cc):|registry::|hkey_)", re.IGNORECASE)


def command(script: Script, node: Node) -> None:
    """Refuse a command that is not known to only read, or whose arguments make it do more."""
    if " ".join(text_of(node).split()) in script.policy.exact:
        return
    name = command_name(node)
    if _RANGE.fullmatch(text_of(node).strip()):
        return  # the grammar takes 1..3 for a command, PowerShell for a range
    if not name or any(child.type == "command_invokation_operator" for child in node.children):
        script.refuse(node, "& and . run what cannot be read here")
        return
    if reason := _name(script, name):
        script.refuse(node, reason)
        return
    _parameters(script, node, name)
    _special(name)(script, node)
    _classes(script, node)


def argument_list(script: Script, node: Node) -> None:
    """Refuse a call that is made while arguments are read: `Get-Service -Name $service.Stop()`."""
    parent, before = node.parent, node.prev_sibling
    if parent is None or parent.type != "command_elements":
        return
    made = parent.parent is not None and command_name(parent.parent) == "new-object"
    if not (made and before is not None and before.type == "generic_token"):
        script.refuse(parent, "a call among the arguments: put it into parentheses")


def block(script: Script, node: Node) -> None:
    """Refuse a block that touches what stands before it: `$service.Stop{}` is a call."""
    before = script.text[: node.start_byte][-1:]  # ASCII: bytes are characters
    if before.isalnum() or before in ("_", "'", '"', ")", "]", "}"):
        script.refuse(node, "a call without parentheses: put a space before the block")


def token(script: Script, node: Node) -> None:
    """Refuse a bare word with anything in it that PowerShell may read otherwise than the grammar."""
    if not _TOKEN.fullmatch(text_of(node)):
        script.refuse(node, "a redirection or a bare word with signs in it: quote it")


def _name(script: Script, name: str) -> str:
    if name in script.functions:
        return ""
    if name in policy.ALIASES:
        return "an alias: write the command's name"
    if not _NAME.fullmatch(name):
        return "not a plain command name"
    if name in script.policy.commands:
        return ""
    return policy.REFUSED_COMMANDS.get(name, "not on the list of commands that only read (tests/powershell/policy.py)")


def _parameters(script: Script, node: Node, name: str) -> None:
    given = arguments(node)
    for parameter, value in given:
        refused = next((word for word in policy.REFUSED_PARAMETERS if parameter and word.startswith(parameter)), None)
        if refused:
            script.refuse(node, f"-{refused} is refused, and so is what shortens it")
        hides = parameter == "ea" or (len(parameter) > 5 and "erroraction".startswith(parameter))
        stops = value is not None and (literal(value) or "").lower() == "stop"
        if hides and not stops and not script.is_excused(node):
            script.refuse(node, f"it hides that it could not look; say why with {policy.EXCUSE!r}")
    needed, why = policy.NEEDED_PARAMETERS.get(name, ("", ""))
    if needed and not {parameter for parameter, _ in given}.intersection(needed.split()):
        script.refuse(node, f"needs -{needed.split()[0]}: {why}")


def _special(name: str) -> Callable[[Script, Node], None]:
    if name == "new-object":
        return _new_object
    if name == "foreach-object":
        return _for_each
    return _path


def _new_object(script: Script, node: Node) -> None:
    given = arguments(node)
    if any(parameter not in ("", "typename", "argumentlist") for parameter, _ in given):
        script.refuse(node, "New-Object takes a type and its arguments only")
    kind = next((value for parameter, value in given if parameter in ("", "typename")), None)
    made = literal(kind) if kind is not None else None
    if made is None or type_name(made) not in script.policy.new:
        script.refuse(node, "not on the list of types that New-Object may make")


def _for_each(script: Script, node: Node) -> None:
    """ForEach-Object with a word calls the method of that name: `Get-Service | ForEach-Object Stop`."""
    values = [value for parameter, value in arguments(node) if parameter != "inputobject"]
    if not values or any(value is None or "script_block_expression" not in _types(value) for value in values):
        script.refuse(node, "ForEach-Object takes a block: anything else is a method's name")


def _types(node: Node) -> set[str]:
    found = {node.type}
    while len(node.children) == 1:
        node = node.children[0]
        found.add(node.type)
    return found


def _path(script: Script, node: Node) -> None:
    if command_name(node) not in script.policy.commands:
        return
    for inner in walk(node):
        if inner.type not in ("string_literal", "generic_token"):
            continue
        nearest = next((above for above in ancestors(inner) if above.type == "command"), None)
        text = text_of(inner).strip("'\"")
        if nearest != node:
            continue
        if _REGISTRY.search(text):
            script.refuse(node, "the registry's drives show the 32-bit view to a 32-bit process: use Registry")
        if text.startswith("\\\\"):
            script.refuse(node, "it would ask another machine")


def _classes(script: Script, node: Node) -> None:
    words = _words(node)
    inside = " ".join(_words(other) for other in list(walk(node))[1:] if other.type == "command")
    for name, (needed, why) in policy.CLASSES.items():
        named = re.compile(rf"\b{name}\b")
        if named.search(words) and not named.search(inside) and not any(word in words for word in needed):
            script.refuse(node, f"{name}: {why}")


def _words(node: Node) -> str:
    """Return what a command says, in lower case; a here-string is a script of its own."""
    leaves = (part for part in walk(node) if not part.named_children and part.type != "verbatim_here_string_characters")
    return " ".join(text_of(part).lower() for part in leaves)
