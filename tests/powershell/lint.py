"""The lint: reads one script of ours and says where it might do more than read, or read something as an answer that
is none.

It walks the tree of one grammar, in which every kind of node that is not listed here is refused; what the grammar does
not know, it cannot let through. It is no sandbox: it holds careful authors to what was agreed, not attackers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tree_sitter import Node

from tests.powershell import commands, members
from tests.powershell.items import items
from tests.powershell.policy import EXCUSE, Policy, names
from tests.powershell.script import Finding, Script, ancestors, command_name, peel
from tests.powershell.syntax import errors, quoted, text_of, walk
from tests.powershell.variables import variables

_LOOPS = ("for_statement", "foreach_statement", "while_statement", "do_statement", "switch_statement")
_BLOCKS = ("script_block_expression", "function_statement", "program")
_COMPARED = ("-eq", "-ne", "-ceq", "-cne", "-ieq", "-ine", "-gt", "-ge", "-lt", "-le")
#: what may follow a variable and a dot in a text: endings of file names
_SUFFIXES = "exe|dll|sys|inf|ini|log|txt|tmp|xml|csv"
#: what stands between a statement and the script's own level
_TRANSPARENT = names("""
    statement_list statement_block program if_statement else_clause elseif_clause elseif_clauses foreach_statement
    for_statement while_statement do_statement switch_statement switch_body switch_clauses switch_clause
    try_statement catch_clauses catch_clause finally_clause
""")
#: kinds of nodes that need no check of their own
_PLAIN = names("""
    additive_argument_expression additive_expression argument_expression argument_expression_list array_expression
    array_literal_expression array_type_name assignement_operator assignment_expression attribute attribute_list
    bitwise_argument_expression bitwise_expression braced_variable cast_expression catch_clauses catch_type_list
    command_argument_sep command_elements command_invokation_operator command_name command_name_expr
    command_parameter comment comparison_argument_expression comparison_operator decimal_integer_literal
    do_statement element_access else_clause elseif_clauses empty_statement expression_with_unary_operator
    file_redirection_operator finally_clause for_condition for_initializer for_iterator for_statement
    foreach_statement format_operator function_name function_parameter_declaration generic_type_arguments
    generic_type_name hash_entry hash_literal_body hash_literal_expression hexadecimal_integer_literal
    integer_literal key_expression left_assignment_expression logical_argument_expression logical_expression
    member_name merging_redirection_operator multiplicative_argument_expression multiplicative_expression
    parameter_list parenthesized_expression path_command_name path_command_name_token pipeline_chain
    post_decrement_expression post_increment_expression pre_decrement_expression pre_increment_expression program
    range_argument_expression range_expression real_literal redirected_file_name redirections script_block
    script_block_body script_parameter script_parameter_default simple_name statement_block statement_list
    string_literal sub_expression switch_body switch_clause switch_clause_condition switch_clauses switch_condition
    switch_parameter switch_parameters switch_statement type_identifier type_name type_spec unary_expression
    variable verbatim_here_string_characters verbatim_string_characters while_statement
""")


def lint(text: str, policy: Policy, known: frozenset[str] = frozenset()) -> list[Finding]:
    """Return every refused place of a script, by line; `known` are functions that it may not define anew."""
    lines = text.split("\n")
    found = [Finding(line, lines[line - 1].strip()[:80], reason) for line, reason in errors(text)]
    for number, line in enumerate(lines, start=1):
        if not all(" " <= character <= "~" for character in line):
            found.append(Finding(number, ascii(line)[:80], "only printable ASCII survives every code page"))
    if found:
        return found  # the tree of a broken script says nothing
    script = Script(quoted(text), policy, frozenset(name.lower() for name in known))
    for node in script.nodes:
        if node.is_named and node.type not in _PLAIN:
            _CHECKS.get(node.type, _unknown)(script, node)
    variables(script)
    items(script)
    _backticks(script)
    return sorted(script.findings, key=lambda finding: finding.line)


def functions_of(text: str) -> frozenset[str]:
    """Return the names of the functions that a script defines, in lower case."""
    return Script(text, Policy()).functions


def _unknown(script: Script, node: Node) -> None:
    script.refuse(node, f"{node.type.replace('_', ' ')}: not used in our scripts")


def _redirection(script: Script, node: Node) -> None:
    script.refuse(node, "a redirection writes a file, or makes errors of what a program says: assign to $null")


def _try(script: Script, node: Node) -> None:
    if not any(child.type in ("catch_clauses", "finally_clause") for child in node.children):
        script.refuse(node, "try needs catch or finally")


def _catch(script: Script, node: Node) -> None:
    told = any(text_of(part).lower() in ("throw", "$_", "$psitem") for part in walk(node))
    if not told and not script.is_excused(node):
        script.refuse(node, f"it hides that it could not look: throw, use $_, or say why with {EXCUSE!r}")


def _flow(script: Script, node: Node) -> None:
    word = text_of(node.children[0]).lower()
    around = next((above.type for above in ancestors(node) if above.type in (*_LOOPS, *_BLOCKS)), "program")
    if word == "exit":
        script.refuse(node, "it ends all sections")
    elif word in ("break", "continue") and around not in _LOOPS:
        script.refuse(node, f"{word} outside a loop ends all that is running")
    elif word == "return" and not any(above.type in _BLOCKS[:2] for above in ancestors(node)):
        script.refuse(node, "the section must run to its end")


def _function(script: Script, node: Node) -> None:
    name = next(text_of(child).lower() for child in node.children if child.type == "function_name")
    if text_of(node.children[0]).lower() != "function":
        script.refuse(node, "only functions")
    if name in script.policy.commands or name in script.known:
        script.refuse(node, "it would stand before the command of that name")


def _comparison(script: Script, node: Node) -> None:
    if len(node.children) < 3:
        return
    if text_of(node.children[1]).lower() in _COMPARED and text_of(node.children[2]).lower() == "$null":
        script.refuse(node, "on a list this filters it: write $null on the left")


def _condition(script: Script, node: Node) -> None:
    for child in node.children:
        if child.type == "pipeline" and child.children[0].type == "assignment_expression":
            script.refuse(child, "a condition compares with -eq")


def _pipeline(script: Script, node: Node) -> None:
    """Refuse output beside the items: the section could not be read."""
    if not script.policy.emitters or node.parent is None or node.parent.type != "statement_list":
        return
    if any(above.type not in _TRANSPARENT for above in ancestors(node)):
        return
    core = peel(node)
    last = core.children[-1] if core.type == "pipeline_chain" else core
    quiet = core.type == "assignment_expression" or core.type.endswith(("increment_expression", "decrement_expression"))
    silent = text_of(core).lower().startswith("[void]")
    speaks = last.type == "command" and command_name(last) in script.policy.emitters | script.functions | {"out-null"}
    if not (quiet or silent or speaks):
        script.refuse(node, "it prints beside the items: put it into an Item or a List")


def _switch_file(script: Script, node: Node) -> None:
    script.refuse(node, "switch -File reads a file in the host's code page")


def _expandable(script: Script, node: Node) -> None:
    text = text_of(node)
    for part in reversed(node.children):
        if part.type == "sub_expression":  # ASCII: bytes are characters
            text = text[: part.start_byte - node.start_byte] + text[part.end_byte - node.start_byte :]
    text = re.sub(r"`.", "", text)
    if re.search(r"\$\w+:(?!\w)", text):
        script.refuse(node, "the colon belongs to the variable's name: write ${name}:")
    if re.search(rf"\$(env:)?\w+(\.(?!({_SUFFIXES})\b)[A-Za-z]|\[)", text, re.IGNORECASE):
        script.refuse(node, "only the variable is filled in, not its property: write $(...)")


def _backticks(script: Script) -> None:
    covered = [(node.start_byte, node.end_byte) for node in script.nodes if node.type in ("string_literal", "comment")]
    for at, character in enumerate(script.text):  # ASCII: bytes are characters
        if character != "`" or any(start <= at < end for start, end in covered):
            continue
        if script.text[at + 1 : at + 2] != "\n":
            row = script.text.count("\n", 0, at)
            line = script.text.split("\n")[row]
            script.findings.append(Finding(row + 1, line.strip()[:80], "a backtick stands at the end of a line only"))


_CHECKS: Mapping[str, Callable[[Script, Node], None]] = {
    "argument_list": commands.argument_list,
    "catch_clause": _catch,
    "command": commands.command,
    "comparison_expression": _comparison,
    "elseif_clause": _condition,
    "expandable_here_string_literal": _expandable,
    "expandable_string_literal": _expandable,
    "flow_control_statement": _flow,
    "format_argument_expression": members.format_expression,
    "format_expression": members.format_expression,
    "function_statement": _function,
    "generic_token": commands.token,
    "if_statement": _condition,
    "invokation_expression": members.invocation,
    "member_access": members.member_access,
    "pipeline": _pipeline,
    "redirection": _redirection,
    "script_block_expression": commands.block,
    "switch_filename": _switch_file,
    "try_statement": _try,
    "type_literal": members.type_literal,
    "while_condition": _condition,
}
