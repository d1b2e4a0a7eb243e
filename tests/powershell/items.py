"""What the lint says of the commands that write items: a misspelt question gets an empty answer, not an error."""

from __future__ import annotations

import re

from tree_sitter import Node

from tests.powershell.policy import POLICY_SECTIONS
from tests.powershell.script import Script, ancestors, arguments, command_name, literal, peel
from tests.powershell.syntax import walk

#: the keys below HKLM; a path with the hive's name in it is a key that never exists
_PATH = re.compile(r"(software|system|sam|security|hardware)(\\[^\\]+)+", re.IGNORECASE)


def items(script: Script) -> None:
    """Refuse an item in an item, two of one name, and questions that can only be answered with nothing."""
    seen: set[str] = set()
    for node in script.nodes:
        name = command_name(node) if node.type == "command" else ""
        if name not in script.policy.emitters:
            continue
        if any(above.type == "command" and command_name(above) in script.policy.emitters for above in ancestors(node)):
            script.refuse(node, "an item in an item")
        values = [value for parameter, value in arguments(node) if not parameter and value is not None]
        label = literal(values[0]) if values else None
        if label is not None and label in seen:
            script.refuse(node, "two items of one name")
        seen.add(label or "")
        if name in ("item", "list"):
            _block(script, node, values)
        elif name == "registry":
            _key(script, node, values)
        elif name == "securitypolicy":
            _sections(script, node, values)


def _block(script: Script, node: Node, values: list[Node]) -> None:
    if len(values) != 2 or peel(values[1]).type != "script_block_expression":
        script.refuse(node, "it takes a name and a block that is written in place")


def _key(script: Script, node: Node, values: list[Node]) -> None:
    if len(values) != 3:
        script.refuse(node, "it takes a name, a path and the values' names, with commas between them")
        return
    path = literal(values[1])
    below_machine = not any(parameter == "hive" for parameter, _ in arguments(node))
    if path is not None and below_machine and not _PATH.fullmatch(path):
        script.refuse(node, "not a path below HKLM, without the hive's name and with single backslashes")


def _sections(script: Script, node: Node, values: list[Node]) -> None:
    named = (
        [literal(part) for part in walk(values[1]) if part.type in ("string_literal", "generic_token")]
        if values[1:]
        else []
    )
    if not named or any(name is None or name.lower() not in POLICY_SECTIONS for name in named):
        script.refuse(node, "secedit writes no section of that name")
