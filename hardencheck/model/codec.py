"""The nouns as JSON and back: plain dicts with snake_case keys, and canonical bytes that can be compared.

Decoding is strict: a missing key, a key too many, a wrong type or an unknown word raises ValueError naming it. Encoding
what was decoded gives the same bytes again, so stored results can be compared with results judged anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from math import isfinite
from typing import Any, NoReturn, TypeVar

from hardencheck.model.outcome import HostState, Level, Outcome, Platform, Severity
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import Finding, HostResult, Sweep

Json = dict[str, Any]

_Word = TypeVar("_Word", bound=StrEnum)
_Item = TypeVar("_Item")

_REASON = frozenset({"fact", "observed", "expected", "read_from", "sentence"})
_RULE_RESULT = frozenset("rule_id outcome severity theme message reasons values evidence level".split())  # noqa: SIM905
_HOST_RESULT = frozenset(
    "host platform state reason message labels groups system skew duration manifest results".split()  # noqa: SIM905  one line
)
_SWEEP = frozenset(
    "id started finished baseline_id baseline_version baseline_digest collector_digest".split()  # noqa: SIM905
) | {"roster_digest", "settings", "hosts"}
_FINDING = frozenset("host rule_id severity opened last_seen closed reopened message".split())  # noqa: SIM905

#: so many rule results are remembered with their bytes
_KEPT = 5000

_SURROGATE = re.compile("[\ud800-\udfff]")
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(body: Any) -> bytes:
    """Encode JSON data as its canonical bytes: sorted keys, no spaces, UTF-8; raises ValueError for NaN and infinity.

    A lone surrogate (host bytes that were no UTF-8) becomes a `\\udcxx` escape, so the bytes are always valid UTF-8.
    """
    text = _encode(body)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # through UTF-16, because a high and a low surrogate side by side would come back as one character
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def loads(data: bytes) -> Any:
    """Decode JSON strictly: UTF-8, no NaN, no key twice, no bottomless nesting; raises ValueError."""
    try:
        return _DECODER.decode(data.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def rule_result_to_json(result: RuleResult) -> Json:
    """Return the dict of one rule's result."""
    return {
        "rule_id": result.rule_id,
        "outcome": result.outcome.value,
        "severity": result.severity.value,
        "theme": result.theme,
        "message": result.message,
        "reasons": [
            {
                "fact": reason.fact,
                "observed": reason.observed,
                "expected": reason.expected,
                "read_from": reason.read_from,
                "sentence": reason.sentence,
            }
            for reason in result.reasons
        ],
        "values": dict(result.values),
        "evidence": result.evidence,
        "level": result.level.value,
    }


def rule_result_from_json(body: Any) -> RuleResult:
    """Return the rule's result that `rule_result_to_json` wrote."""
    _keys(body, _RULE_RESULT, "rule result")
    return RuleResult(
        rule_id=_text(body, "rule_id"),
        outcome=_word(body, "outcome", Outcome),
        severity=_word(body, "severity", Severity),
        theme=_text(body, "theme"),
        message=_text(body, "message"),
        reasons=_each(body, "reasons", _reason_from_json),
        values=_mapping(body, "values"),
        evidence=_optional_text(body, "evidence"),
        level=_word(body, "level", Level),
    )


def host_result_to_json(result: HostResult) -> Json:
    """Return the dict of one host's result, with the results of all its rules."""
    return {
        "host": result.host,
        "platform": result.platform.value,
        "state": result.state.value,
        "reason": result.reason,
        "message": result.message,
        "labels": dict(result.labels),
        "groups": list(result.groups),
        "system": result.system,
        "skew": result.skew,
        "duration": result.duration,
        "manifest": result.manifest,
        "results": [rule_result_to_json(each) for each in result.results],
    }


def host_result_from_json(body: Any) -> HostResult:
    """Return the host's result that `host_result_to_json` wrote."""
    _keys(body, _HOST_RESULT, "host result")
    return HostResult(
        host=_text(body, "host"),
        state=_word(body, "state", HostState),
        reason=_text(body, "reason"),
        message=_text(body, "message"),
        labels=_texts_by_name(body, "labels"),
        groups=_each(body, "groups", _text_item),
        system=_text(body, "system"),
        skew=None if body["skew"] is None else _number(body, "skew"),
        duration=_number(body, "duration"),
        manifest=_optional_text(body, "manifest"),
        results=_each(body, "results", rule_result_from_json),
        platform=_word(body, "platform", Platform),
    )


def sweep_to_json(sweep: Sweep) -> Json:
    """Return the dict of a sweep, with all its hosts."""
    return {
        "id": sweep.id,
        "started": sweep.started,
        "finished": sweep.finished,
        "baseline_id": sweep.baseline_id,
        "baseline_version": sweep.baseline_version,
        "baseline_digest": sweep.baseline_digest,
        "collector_digest": sweep.collector_digest,
        "roster_digest": sweep.roster_digest,
        "settings": dict(sweep.settings),
        "hosts": [host_result_to_json(host) for host in sweep.hosts],
    }


def sweep_from_json(body: Any) -> Sweep:
    """Return the sweep that `sweep_to_json` wrote."""
    _keys(body, _SWEEP, "sweep")
    return Sweep(
        id=_text(body, "id"),
        started=_text(body, "started"),
        finished=_optional_text(body, "finished"),
        baseline_id=_text(body, "baseline_id"),
        baseline_version=_text(body, "baseline_version"),
        baseline_digest=_text(body, "baseline_digest"),
        collector_digest=_text(body, "collector_digest"),
        roster_digest=_optional_text(body, "roster_digest"),
        settings=_mapping(body, "settings"),
        hosts=_each(body, "hosts", host_result_from_json),
    )


def finding_to_json(finding: Finding) -> Json:
    """Return the dict of a finding."""
    return {
        "host": finding.host,
        "rule_id": finding.rule_id,
        "severity": finding.severity.value,
        "opened": finding.opened,
        "last_seen": finding.last_seen,
        "closed": finding.closed,
        "reopened": finding.reopened,
        "message": finding.message,
    }


def finding_from_json(body: Any) -> Finding:
    """Return the finding that `finding_to_json` wrote."""
    _keys(body, _FINDING, "finding")
    return Finding(
        host=_text(body, "host"),
        rule_id=_text(body, "rule_id"),
        severity=_word(body, "severity", Severity),
        opened=_text(body, "opened"),
        last_seen=_text(body, "last_seen"),
        closed=_optional_text(body, "closed"),
        reopened=_count(body, "reopened"),
        message=_text(body, "message"),
    )


def results_to_bytes(results: Iterable[RuleResult]) -> bytes:
    """Encode one host's rule results canonically: what the store keeps under its digest."""
    return _listed(canonical(rule_result_to_json(result)) for result in results)


class ResultsWriter:
    """Encodes as `results_to_bytes` does; remembers each object's bytes, because hosts with like captures share it."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[RuleResult, bytes]] = {}

    def to_bytes(self, results: Iterable[RuleResult]) -> bytes:
        """Encode one host's rule results; any thread may ask."""
        if len(self._kept) > _KEPT:
            self._kept = {}
        return _listed(map(self._one, results))

    def _one(self, result: RuleResult) -> bytes:
        kept = self._kept.get(id(result))
        # an id alone may be that of an object long gone; the object kept beside it cannot go
        if kept is None:
            kept = self._kept[id(result)] = (result, canonical(rule_result_to_json(result)))
        return kept[1]


def _listed(encoded: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(encoded) + b"]"


def results_from_bytes(data: bytes) -> tuple[RuleResult, ...]:
    """Decode what `results_to_bytes` wrote; raises ValueError on anything else."""
    return _each({"results": loads(data)}, "results", rule_result_from_json)


def _reason_from_json(body: Any) -> Reason:
    _keys(body, _REASON, "reason")
    return Reason(
        fact=_text(body, "fact"),
        observed=body["observed"],
        expected=_text(body, "expected"),
        read_from=_text(body, "read_from"),
        sentence=_text(body, "sentence"),
    )


def _keys(body: Any, wanted: frozenset[str], noun: str) -> None:
    if not isinstance(body, dict):
        raise ValueError(f"{noun}: expected an object, found {type(body).__name__}")
    if body.keys() != wanted:
        missing, extra = sorted(wanted - body.keys()), sorted(body.keys() - wanted)
        parts = [f"{word} {', '.join(names)}" for word, names in (("missing", missing), ("unknown", extra)) if names]
        raise ValueError(f"{noun}: {' and '.join(parts)}")


def _refuse(key: str, wanted: str, found: object) -> NoReturn:
    raise ValueError(f"{key}: expected {wanted}, found {type(found).__name__}")


def _text(body: Json, key: str) -> str:
    found = body[key]
    return found if type(found) is str else _refuse(key, "text", found)


def _optional_text(body: Json, key: str) -> str | None:
    return None if body[key] is None else _text(body, key)


def _text_item(found: Any) -> str:
    return found if type(found) is str else _refuse("list", "text", found)


def _number(body: Json, key: str) -> float:
    found = body[key]
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else _refuse(key, "a number", found)


def _count(body: Json, key: str) -> int:
    found = body[key]
    return found if type(found) is int and found >= 0 else _refuse(key, "a whole number", found)


def _mapping(body: Json, key: str) -> Mapping[str, Any]:
    found = body[key]
    return found if type(found) is dict else _refuse(key, "an object", found)


def _texts_by_name(body: Json, key: str) -> Mapping[str, str]:
    found = _mapping(body, key)
    for value in found.values():
        if type(value) is not str:
            _refuse(key, "texts", value)
    return found


def _each(body: Json, key: str, decode: Callable[[Any], _Item]) -> tuple[_Item, ...]:
    found = body[key]
    return tuple([decode(item) for item in found]) if type(found) is list else _refuse(key, "a list", found)


def _word(body: Json, key: str, words: type[_Word]) -> _Word:
    try:
        return words(_text(body, key))
    except ValueError:
        raise ValueError(f"{key}: expected one of {', '.join(words)}, found {body[key]!r}") from None


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return body


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _constant(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)
