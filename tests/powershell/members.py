"""What the lint says of .NET: types, their static members, and the methods of objects."""

from __future__ import annotations

import re

from tree_sitter import Node

from tests.powershell import policy
from tests.powershell.script import Script, function_around, literal, peel
from tests.powershell.syntax import text_of, walk
from tests.powershell.variables import containers

_OURS = "not on the list (tests/powershell/policy.py)"


def type_name(text: str) -> str:
    """Return a type's name as the policy writes it: lower case, without brackets, `System.` and type arguments."""
    return re.split(r"[\[,]", text.strip().strip("[]").lower())[0].strip().removeprefix("system.")


def type_literal(script: Script, node: Node) -> None:
    """Refuse a type that is not listed: a cast can be a call ([wmi]'...', [adsi]'...')."""
    for inner in walk(node):
        if inner.type == "generic_type_arguments" and any(
            type_name(text_of(part)) not in script.policy.types for part in inner.children if part.type == "type_spec"
        ):
            script.refuse(node, f"type {_OURS}")
    parent = node.parent
    if parent is not None and _exact(script, parent):
        return
    if parent is not None and parent.type in ("member_access", "invokation_expression"):
        return  # judged with its member
    if parent is not None and parent.type == "catch_type_list" and type_name(text_of(node)).endswith("exception"):
        return
    if type_name(text_of(node)) not in script.policy.types | script.policy.new:
        script.refuse(node, f"type {_OURS}")
    elif type_name(text_of(node)) == "scriptblock" and (parent is None or parent.type != "attribute"):
        script.refuse(node, "a text that is cast to a block is code")


def member_access(script: Script, node: Node) -> None:
    """Refuse `[Type]::Member` that is not listed, and a count of what may be one object."""
    receiver, sign, member = node.children[:3]
    if text_of(sign) != "::":
        if text_of(member).lower() == "count" and not _counts(script, receiver):
            script.refuse(node, "one object alone may have no Count: write @(...).Count")
        return
    kind = type_name(text_of(receiver))
    if receiver.type != "type_literal":
        script.refuse(node, "a static member of what cannot be told here")
    elif kind not in script.policy.constants and not _static(script, node, kind, text_of(member).lower()):
        script.refuse(node, f"static member {_OURS}")


def invocation(script: Script, node: Node) -> None:
    """Refuse a call whose method is not listed."""
    if _exact(script, node):
        return
    receiver, sign, member = node.children[:3]
    name = text_of(member).lower()
    if [child.type for child in member.children] != ["simple_name"]:
        script.refuse(node, "a method whose name is not written down")
    elif text_of(sign) == "::":
        kind = type_name(text_of(receiver))
        made = name == "new" and kind in script.policy.new
        if receiver.type != "type_literal" or not (made or _static(script, node, kind, name)):
            script.refuse(node, f"static method {_OURS}")
    elif name in script.policy.methods:
        _culture(script, node, name)
    elif name not in policy.CONTAINER_METHODS:
        script.refuse(node, policy.REFUSED_METHODS.get(name, f"method {_OURS}"))
    elif text_of(receiver).lower() not in containers(script):
        script.refuse(node, f"{name} only on a collection that this script made (New-Object, @{{}})")


def format_expression(script: Script, node: Node) -> None:
    """Refuse `-f` with formats that the host's culture fills in."""
    if len(node.children) < 3:
        return
    pattern = literal(node.children[0])
    if pattern is None:
        script.refuse(node, "-f needs its format in place")
        return
    for item in re.finditer(r"\{\d+(?:,-?\d+)?:([^}]*)\}", pattern):
        if not re.fullmatch(r"[xXdD]\d*", item[1]):
            script.refuse(node, "the host's culture fills it in: use ToString with InvariantCulture")


def _exact(script: Script, node: Node) -> bool:
    return " ".join(text_of(node).split()) in script.policy.exact


def _counts(script: Script, receiver: Node) -> bool:
    """Whether Count is surely that of a list; Measure-Object and Group-Object have a Count of their own."""
    if receiver.type == "variable":
        text = text_of(receiver).lower()
        return text in ("$_", "$matches", "$args") or text in containers(script)
    if receiver.type == "parenthesized_expression":
        return bool(re.search(r"\|\s*Measure-Object\b[^|]*\)$", text_of(receiver), re.IGNORECASE))
    return receiver.type != "element_access"


def _static(script: Script, node: Node, kind: str, name: str) -> bool:
    owned = script.policy.owned.get(function_around(node), {})
    return name in script.policy.statics.get(kind, ()) or name in owned.get(kind, ())


def _arguments(node: Node) -> list[Node]:
    return [
        part
        for inner in node.children[-1].children
        if inner.type == "argument_expression_list"
        for part in inner.children
        if part.type == "argument_expression"
    ]


def _culture(script: Script, node: Node, name: str) -> None:
    given = _arguments(node)
    texts = [text_of(part).lower() for part in given]
    if name == "tostring":
        pattern = literal(given[0]) if len(given) == 1 else None
        invariant = pattern is not None and re.fullmatch(policy.INVARIANT_FORMAT, pattern)
        if not given:
            script.refuse(node, "the culture decides: cast to [string] instead")
        elif not invariant and not any("invariantculture" in text for text in texts):
            script.refuse(node, "the culture decides: add [Globalization.CultureInfo]::InvariantCulture")
    elif name in policy.CULTURED_METHODS:
        character = bool(given) and peel(given[0]).type != "string_literal" and texts[0].startswith("[char]")
        if not character and not any("ordinal" in text for text in texts):
            script.refuse(node, "the culture decides: add 'Ordinal'")
    elif name == "opensubkey" and len(given) != 1:
        script.refuse(node, "a second argument opens the key for writing")
