"""Narrows a baseline to some of its rules, by the same words in every command and in baselines that extend others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from hardencheck.errors import ConfigurationError, UsageError
from hardencheck.model.baseline import Baseline, Rule
from hardencheck.model.expectation import near

#: kind of word -> the names that a rule is chosen by; ids and `exclude` take globs
KINDS: Mapping[str, Callable[[Rule], tuple[str, ...]]] = {
    "rule": lambda rule: (rule.id,),
    "theme": lambda rule: (rule.theme,),
    "tag": lambda rule: rule.tags,
    "reference": lambda rule: tuple(rule.references),
    "exclude": lambda rule: (rule.id, rule.theme),
}


class NothingMatches(LookupError):
    """A word that chooses no rule: its kind, its place among the words of that kind, and what is near it."""

    def __init__(self, kind: str, number: int, word: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.number, self.word = kind, number, word


def narrow(baseline: Baseline, words: Mapping[str, Sequence[str]]) -> tuple[Rule, ...]:
    """Return the rules that words of each of KINDS choose; raises NothingMatches for a word that matches no rule.

    Words of one kind widen, kinds narrow each other, `exclude` comes last.
    """
    kept = list(baseline.rules)
    for kind, names in KINDS.items():
        chosen: set[str] = set()
        for number, word in enumerate(words.get(kind, ())):
            globs = kind in ("rule", "exclude")
            ids = {rule.id for rule in baseline.rules if _matches(word, names(rule), globs)}
            if not ids:
                known = {name for rule in baseline.rules for name in names(rule)}
                raise NothingMatches(kind, number, word, f"{baseline.id} has none{near(word, known)}")
            chosen |= ids
        if words.get(kind):
            kept = [rule for rule in kept if (rule.id in chosen) != (kind == "exclude")]
    return tuple(kept)


def select(
    baseline: Baseline,
    *,
    rules: Sequence[str] = (),
    themes: Sequence[str] = (),
    tags: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Baseline:
    """Return the baseline with the rules that the options of a command select.

    Raises UsageError for a word that matches nothing in the whole baseline, and ConfigurationError when no rule is
    left.
    """
    try:
        kept = narrow(baseline, {"rule": rules, "theme": themes, "tag": tags, "exclude": exclude})
    except NothingMatches as error:
        raise UsageError(f"--{error.kind} {error.word}: {error}") from None
    if not kept:
        raise ConfigurationError("the selection leaves no rule", reason="no_rules", hint="hardencheck baseline show")
    return replace(baseline, rules=kept)


def _matches(word: str, names: Sequence[str], globs: bool) -> bool:
    return any(fnmatchcase(name, word) if globs else name == word for name in names)
