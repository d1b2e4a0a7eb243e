"""The syntax of PowerShell as two grammars see it; neither is the real parser, and what one accepts the other may not.

Both miss that `try` needs `catch` or `finally`; the lint looks for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import tree_sitter
import tree_sitter_powershell
import tree_sitter_pwsh
from tree_sitter import Node

#: what is newer than Windows PowerShell 5.1, as the second grammar names it
_NEWER = {
    "ternary_expression": "a ?: b is newer than 5.1",
    "ternary_argument_expression": "a ?: b is newer than 5.1",
    "null_coalesce_expression": "a ?? b is newer than 5.1",
    "null_coalesce_argument_expression": "a ?? b is newer than 5.1",
    "??=": "a ??= b is newer than 5.1",
    "pipeline_chain_tail": "&& and || between commands are newer than 5.1",
    "clean": "a clean block is newer than 5.1",
    "using_statement": "using loads code",
    "requires_statement": "#requires stops the script where it is not met",
}


#: `Name, Status` among the arguments of a command: bare words in a list, which the first grammar does not know
_WORDS = re.compile(
    r"(?<=[ \t])[A-Za-z_]\w*(?:,[ \t]*(?:`?\n[ \t]*)?[A-Za-z_]\w*)+(?=[ \t]*(?:[\n|;})]|`\n|$)|[ \t]+-[A-Za-z])"
)


def quoted(text: str) -> str:
    """Return a script in which the words of such lists are quoted: the same to PowerShell, line by line."""

    def quote(match: re.Match[str]) -> str:
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if before.count("'") % 2 or before.count('"') % 2 or "#" in before:
            return match[0]  # in a text or a comment
        return re.sub(r"[A-Za-z_]\w*", r"'\g<0>'", match[0])

    return _WORDS.sub(quote, text)


def tree(text: str) -> Node:
    """Return the root of the first grammar's tree, which the lint walks; `text` is quoted."""
    return _parser("powershell").parse(text.encode()).root_node


def errors(text: str) -> list[tuple[int, str]]:
    """Return line and reason of everything that either grammar cannot read or that Windows PowerShell 5.1 could not."""
    found: set[tuple[int, str]] = set()
    for name, shown in (("powershell", quoted(text)), ("pwsh", text)):
        for node in walk(_parser(name).parse(shown.encode()).root_node):
            line = node.start_point[0] + 1
            if node.is_missing:
                found.add((line, f"syntax ({name}): {node.type} is missing"))
            elif node.is_error:
                found.add((line, f"syntax ({name})"))
            elif node.type in _NEWER:
                found.add((line, _NEWER[node.type]))
    return sorted(found)


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, in the order of the text."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def text_of(node: Node) -> str:
    """Return the text that a node covers."""
    return (node.text or b"").decode()


@cache
def _parser(name: str) -> tree_sitter.Parser:
    module = {"powershell": tree_sitter_powershell, "pwsh": tree_sitter_pwsh}[name]
    return tree_sitter.Parser(tree_sitter.Language(module.language()))
