"""Changes what hosts and sites wrote in a host's result, and leaves alone what the rules wrote: ids, themes, facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hardencheck.model import wording
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult

Edit = Callable[[str], str]


def changed(host: HostResult, edit: Edit) -> HostResult:
    """Return a host's result with every text edited that a host or site may have written; the same object if none is.

    Left alone are the stable words: the reason's code, rule ids, themes, names of facts and values, digests.
    """
    results = tuple(_result(each, edit) for each in host.results)
    made = replace(
        host,
        host=edit(host.host),
        message=edit(host.message),
        labels={name: edit(text) for name, text in host.labels.items()},
        groups=tuple(map(edit, host.groups)),
        system=edit(host.system),
        results=results,
    )
    return host if made == host else made


def _result(result: RuleResult, edit: Edit) -> RuleResult:
    reasons = tuple(_reason(each, edit) for each in result.reasons)
    told = "; ".join(each.sentence for each in result.reasons)
    # the words of the reasons again: edited there, where it is known which of them are the rule's
    message = (
        "; ".join(each.sentence for each in reasons) if told == result.message and reasons else edit(result.message)
    )
    values = {name: in_value(value, edit) for name, value in result.values.items()}
    return replace(result, message=message, reasons=reasons, values=values)


def _reason(reason: Reason, edit: Edit) -> Reason:
    observed, expected, where = in_value(reason.observed, edit), edit(reason.expected), edit(reason.read_from)
    return replace(
        reason,
        observed=observed,
        expected=expected,
        read_from=where,
        sentence=_sentence(reason, observed, (expected, where), edit),
    )


def _sentence(reason: Reason, observed: Any, edited: tuple[str, str], edit: Edit) -> str:
    """Return the sentence of a reason with its parts edited, when it consists of them as they are put together."""
    begin, end = f"{reason.fact}: found ", _end(reason.expected, reason.read_from)
    if not (reason.sentence.startswith(begin) and reason.sentence.endswith(end)):
        return edit(reason.sentence)
    found = reason.sentence[len(begin) : len(reason.sentence) - len(end)]
    return begin + (wording.shown(observed) if found == wording.shown(reason.observed) else edit(found)) + _end(*edited)


def _end(expected: str, where: str) -> str:
    return f", expected {expected}" + (f" (read from {where})" if where else "")


def in_value(value: Any, edit: Edit) -> Any:
    """Return JSON data with every text in it edited, keys included."""
    if isinstance(value, str):
        return edit(value)
    if isinstance(value, list):
        return [in_value(item, edit) for item in value]
    if isinstance(value, Mapping):
        return {edit(name): in_value(item, edit) for name, item in value.items()}
    return value
