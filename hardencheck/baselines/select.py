"""Narrows a baseline to the rules that a command asks for; every command selects by the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from hardencheck.errors import ConfigurationError, UsageError
from hardencheck.model.baseline import Baseline, Rule
from hardencheck.model.expectation import near


def select(
    baseline: Baseline,
    *,
    rules: Sequence[str] = (),
    themes: Sequence[str] = (),
    tags: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Baseline:
    """Return the baseline with the selected rules only.

    `rules` are ids or globs, `exclude` takes rule ids, globs and themes. Words of one kind widen, kinds narrow each
    other, `exclude` comes last. Raises UsageError for a word that matches nothing in the whole baseline, and
    ConfigurationError when no rule is left.
    """
    kept = list(baseline.rules)
    kinds: tuple[tuple[str, Sequence[str], Callable[[Rule], tuple[str, ...]]], ...] = (
        ("rule", rules, lambda rule: (rule.id,)),
        ("theme", themes, lambda rule: (rule.theme,)),
        ("tag", tags, lambda rule: rule.tags),
        ("exclude", exclude, lambda rule: (rule.id, rule.theme)),
    )
    for option, words, names in kinds:
        globs = option in ("rule", "exclude")
        matched = [{rule.id for rule in baseline.rules if _matches(word, names(rule), globs)} for word in words]
        for word, ids in zip(words, matched, strict=True):
            if not ids:
                known = {name for rule in baseline.rules for name in names(rule)}
                raise UsageError(f"--{option} {word}: {baseline.id} has none{near(word, known)}")
        if words:
            union = set().union(*matched)
            kept = [rule for rule in kept if (rule.id in union) != (option == "exclude")]
    if not kept:
        raise ConfigurationError("the selection leaves no rule", reason="no_rules", hint="hardencheck baseline show")
    return replace(baseline, rules=tuple(kept))


def _matches(word: str, names: Sequence[str], globs: bool) -> bool:
    return any(fnmatchcase(name, word) if globs else name == word for name in names)
