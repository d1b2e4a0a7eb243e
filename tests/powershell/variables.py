"""What the lint says of variables: a name that nothing sets is null, and null reads like "there is none"."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from tests.powershell import policy
from tests.powershell.script import Script, ancestors, command_name, function_around, peel
from tests.powershell.syntax import text_of

#: their blocks run in the scope around them
_OPEN_BLOCKS = ("foreach-object", "where-object")
_INCREMENTS = (
    "post_increment_expression",
    "post_decrement_expression",
    "pre_increment_expression",
    "pre_decrement_expression",
)


def name_of(node: Node) -> tuple[str, str]:
    """Return a variable's scope or drive ("" when it has none) and its name, in lower case."""
    text = text_of(node).lstrip("$@").strip("{}").lower()
    scope, colon, name = text.rpartition(":")
    return (scope, name) if colon else ("", text)


def variables(script: Script) -> None:
    """Refuse what is read and never set, what PowerShell itself sets, and what lives beyond this script."""
    scopes = _definitions(script)
    for node in script.nodes:
        if node.type == "variable":
            _read(script, node, scopes)
    for node, value in targets(script):
        _set(script, node, value)


def targets(script: Script) -> Iterator[tuple[Node, Node | None]]:
    """Yield every place that is given a value, and the value where there is one to see."""
    for node in script.nodes:
        if node.type == "assignment_expression":
            plain = text_of(node.children[1]) == "="
            left, value = peel(node.children[0].children[0]), node.children[-1] if plain else None
            parts = left.children if left.type == "array_literal_expression" else [left]
            yield from ((_uncast(part), value) for part in parts if part.type != ",")
        elif node.type in ("foreach_statement", "script_parameter"):
            yield next(child for child in node.children if child.type == "variable"), None
        elif node.type in _INCREMENTS:
            yield next(peel(child) for child in node.children if child.is_named), None


def containers(script: Script) -> frozenset[str]:
    """Return the variables, as written in lower case, that hold nothing but collections that this script made."""
    made: dict[str, bool] = {}
    for node, value in targets(script):
        if node.type == "variable":
            name = text_of(node).lower()
            made[name] = made.get(name, True) and value is not None and _is_collection(value)
    return frozenset(name for name, holds in made.items() if holds)


def _uncast(node: Node) -> Node:
    node = peel(node)
    while node.type in ("expression_with_unary_operator", "cast_expression") and node.children:
        node = peel(node.children[-1])
    return node


def _is_collection(value: Node) -> bool:
    core = peel(value)
    text = text_of(core).lower().replace("system.", "")
    if _uncast(core).type in ("hash_literal_expression", "array_expression"):
        return True
    return text.startswith(("new-object collections.", "[collections.", "[object[]]", "[string[]]"))


def _scope(node: Node) -> Node:
    """Return the block, function or program whose variables a node sees first."""
    last = node
    for above in ancestors(node):
        if above.type == "function_statement":
            return above
        if above.type == "script_block_expression":
            command = next((it for it in ancestors(above) if it.type == "command"), None)
            direct = command is not None and not any(
                it.type in ("hash_literal_expression", "parenthesized_expression", "sub_expression")
                for it in ancestors(above)
                if it.start_byte >= command.start_byte and it.end_byte <= command.end_byte and it != command
            )
            if not (direct and command is not None and command_name(command) in _OPEN_BLOCKS):
                return above
        last = above
    return last


def _definitions(script: Script) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for node, _ in targets(script):
        if node.type == "variable":
            scope, name = name_of(node)
            where = script.root if scope in ("global", "script") else _scope(node)
            found.setdefault(where.id, set()).add(name)
    return found


def _read(script: Script, node: Node, scopes: dict[int, set[str]]) -> None:
    if text_of(node).startswith("@"):
        if text_of(node) not in script.policy.exact:
            script.refuse(node, "splatting hides which parameters are given")
        return
    scope, name = name_of(node)
    if scope == "env":
        return
    if scope and scope not in script.policy.scopes:
        script.refuse(node, f"{scope}: reaches beyond this script")
        return
    if name in policy.AUTOMATIC or name in policy.PREFERENCES:
        return
    chain = [_scope(node)]
    while chain[-1] != script.root:
        chain.append(_scope(chain[-1]))
    holders = [place for place in chain if name in scopes.get(place.id, ())]
    if not holders:
        script.refuse(node, "nothing here sets it: a misspelt name is null, and null reads like an answer")
    elif name in script.policy.reserved and holders[0] != chain[0]:
        script.refuse(node, "the function that runs the block has a parameter of that name: choose another")


def _set(script: Script, node: Node, value: Node | None) -> None:
    if node.type == "member_access":
        if text_of(node.children[0]).lower() not in containers(script):
            script.refuse(node, "a property is only read")
        return
    if node.type == "element_access":
        base = node.children[0]
        if base.type == "variable" and name_of(base)[1] in policy.AUTOMATIC:
            script.refuse(node, "PowerShell itself sets this variable")
        return
    if node.type != "variable":
        script.refuse(node, "not a variable")
        return
    scope, name = name_of(node)
    if scope == "env":
        script.refuse(node, "the environment is only read")
    if name in policy.PREFERENCES:
        loosened = name == "erroractionpreference" and function_around(node) in script.policy.owned
        if not loosened and (value is None or text_of(value) != policy.PREFERENCES[name]):
            script.refuse(node, f"must be {policy.PREFERENCES[name]}")
    elif name in policy.AUTOMATIC and text_of(node).lower() != "$null":
        script.refuse(node, "PowerShell itself sets this variable")
