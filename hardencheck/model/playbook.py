"""What a playbook says of itself without being run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hardencheck.model.plan import Touches


@dataclass(frozen=True, slots=True)
class Playbook:
    """One playbook: its name below the folder of them, the rules it serves, the words in it, what it may change.

    `needs` are the values that have to be set, because it can do nothing with an empty one.
    """

    name: str
    rules: frozenset[str]
    words: frozenset[str]
    touches: Touches
    needs: tuple[str, ...] = ()

    def reads(self, values: Collection[str]) -> list[str]:
        """Return those of the values that it speaks of, sorted: in a task, or in a comment that says why none does."""
        return sorted(self.words.intersection(values))


@dataclass(frozen=True, slots=True)
class Playbooks:
    """The playbooks that a baseline's rules name, by name, and one digest of all that stands in their folder."""

    named: Mapping[str, Playbook]
    digest: str
