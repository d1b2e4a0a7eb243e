"""Words that are in every client's results, because the rules use them: they name nobody."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from hardencheck.probes import all_probes
from hardencheck.resources import shipped

#: Marks that no composed letter has belong to the letter before.
_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
#: Examples of a rule name people that there might be.
_EXAMPLES = re.compile(r"^ *(?:examples|pass|fail):.*\n(?: .*\n)*", re.M)


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text as they are compared: letters and digits alone, composed, in lower case."""
    return tuple(word.lower() for word in parts(text))


def parts(text: str) -> list[str]:
    """Return the words of a text as they are written, composed."""
    return _WORD.findall(unicodedata.normalize("NFC", text))


@cache
def names_of_rules() -> frozenset[str]:
    """Return the words that the names of rules, themes, probes, facts and values are made of."""
    probes = all_probes().values()
    names = [name for probe in probes for name in (probe.id, *probe.facts, *probe.parameters)]
    names += [part for path in shipped("baselines").rglob("*.yaml") for part in (path.parent.name, path.stem)]
    return frozenset(word for name in names for word in words(name))


@cache
def words_of_rules() -> frozenset[str]:
    """Return every word that a shipped rule says something with, its names among them."""
    said = (_EXAMPLES.sub("", path.read_text("utf-8")) for path in shipped("baselines").rglob("*.yaml"))
    return names_of_rules() | {word for text in said for word in words(text)}
