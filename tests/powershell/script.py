"""One script under the lint: its tree, its policy, and the questions that several checks ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tree_sitter import Node

from tests.powershell.policy import EXCUSE, Policy
from tests.powershell.syntax import text_of, tree, walk

#: node types that stand around a single operand
_WRAPPERS = frozenset(
    {
        "additive",
        "array_literal",
        "bitwise",
        "comparison",
        "format",
        "logical",
        "multiplicative",
        "range",
        "unary",
    }
)
#: an excuse without a reason is none
_REASON_CHARACTERS = 10


@dataclass(frozen=True)
class Finding:
    """One refused place: line (from 1), the text there, and why."""

    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}: {self.reason}"


@dataclass
class Script:
    """A script's text with its policy; `known` are functions that others define, in lower case."""

    text: str
    policy: Policy
    known: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, node: Node, reason: str) -> None:
        """Note a refused place."""
        self.findings.append(Finding(node.start_point[0] + 1, " ".join(text_of(node).split())[:80], reason))

    @cached_property
    def root(self) -> Node:
        """The root of the tree."""
        return tree(self.text)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, in the order of the text."""
        return tuple(walk(self.root))

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that the script itself defines, in lower case."""
        return frozenset(text_of(node).lower() for node in self.nodes if node.type == "function_name")

    @cached_property
    def excused(self) -> frozenset[int]:
        """The rows (from 0) whose comment says why a hidden failure is an answer."""
        rows = set()
        for node in self.nodes:
            before, word, reason = text_of(node).partition(EXCUSE) if node.type == "comment" else ("", "", "")
            if word and not before and len(reason.strip()) >= _REASON_CHARACTERS:
                rows.add(node.start_point[0])
        return frozenset(rows)

    def is_excused(self, node: Node) -> bool:
        """Whether one of a node's lines has such a comment."""
        return any(node.start_point[0] <= row <= node.end_point[0] for row in self.excused)


def peel(node: Node) -> Node:
    """Return what stands inside expressions that hold nothing else, pipelines among them."""
    while len(node.children) == 1 and (
        node.type in ("pipeline", "pipeline_chain")
        or node.type.removesuffix("_expression").removesuffix("_argument") in _WRAPPERS
        or node.type == "argument_expression"
    ):
        node = node.children[0]
    return node


def ancestors(node: Node) -> Iterator[Node]:
    """Yield the nodes around a node, the nearest first."""
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def function_around(node: Node) -> str:
    """Return the name of the function that a node stands in, in lower case; "" outside any."""
    for above in ancestors(node):
        if above.type == "function_statement":
            return next(text_of(child).lower() for child in above.children if child.type == "function_name")
    return ""


def literal(node: Node) -> str | None:
    """Return the text of a string literal or of a bare word that nothing is expanded in; None for anything else."""
    node = peel(node)
    if node.type == "generic_token":
        return text_of(node)
    if node.type == "string_literal" and not any(child.children for child in node.children):
        return text_of(node)[1:-1]
    return None


def command_name(command: Node) -> str:
    """Return a command's name in lower case; "" when it is not a plain name."""
    return next((text_of(child).lower() for child in command.children if child.type == "command_name"), "")


def arguments(command: Node) -> list[tuple[str, Node | None]]:
    """Return a command's arguments: the parameter's name in lower case ("" when there is none) and the value."""
    found: list[tuple[str, Node | None]] = []
    elements = next((child.children for child in command.children if child.type == "command_elements"), [])
    pending = ""
    for node in elements:
        if node.type in ("command_argument_sep", ":"):
            continue
        if node.type == "command_parameter":
            if pending:
                found.append((pending, None))
            pending = text_of(node).strip("-:").lower()
        else:
            found.append((pending, node))
            pending = ""
    if pending:
        found.append((pending, None))
    return found
