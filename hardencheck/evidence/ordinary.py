"""Words that are in every client's results, because the rules and our own forms use them: they name nobody."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any

from hardencheck.model.baseline import Baseline, Expected, Remediation, Rule, Tailoring, TailoringScope, Value
from hardencheck.model.capture import Capture, Ended
from hardencheck.model.manifest import Manifest
from hardencheck.model.outcome import HostState, Level, Outcome, Platform, Severity
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.roster import Person, Roster, Standing
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.probes import all_probes
from hardencheck.resources import shipped

#: One word: letters and digits, with marks that no composed letter has.
WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
#: Examples of a rule name people that there might be.
_EXAMPLES = re.compile(r"^ *(?:examples|pass|fail):.*\n(?: .*\n)*", re.M)

#: What is written with its fields' names as keys.
_FORMS: tuple[Any, ...] = (
    *(HostResult, RuleResult, Reason, Sweep, Manifest, Capture, Person, Roster),
    *(Baseline, Rule, Value, Remediation, Expected, Tailoring, TailoringScope),
)
_VOCABULARIES: tuple[type[StrEnum], ...] = (HostState, Outcome, Severity, Platform, Level, Ended, Standing)


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text as they are compared: letters and digits alone, composed, in lower case."""
    return tuple(word.lower() for word in parts(text))


def parts(text: str) -> list[str]:
    """Return the words of a text as they are written, composed."""
    return WORD.findall(unicodedata.normalize("NFC", text))


@cache
def names_of_rules() -> frozenset[str]:
    """Return the words in the names of rules, themes, probes, facts and values, and in the keys of our own forms."""
    probes = all_probes().values()
    names = [name for probe in probes for name in (probe.id, *probe.facts, *probe.parameters)]
    names += [part for path in shipped("baselines").rglob("*.yaml") for part in (path.parent.name, path.stem)]
    names += [field.name for form in _FORMS for field in fields(form)]
    names += ["null", "true", "false", *(word for kind in _VOCABULARIES for word in kind)]
    return frozenset(word for name in names for word in words(name))


@cache
def words_of_rules() -> frozenset[str]:
    """Return every word that a shipped rule says something with, its names among them."""
    said = (_EXAMPLES.sub("", path.read_text("utf-8")) for path in shipped("baselines").rglob("*.yaml"))
    return names_of_rules() | {word for text in said for word in words(text)}
