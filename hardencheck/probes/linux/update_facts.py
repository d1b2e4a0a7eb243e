"""The facts about pending updates while they are gathered, and when an empty answer counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hardencheck.model.observation import Observation
from hardencheck.probes.output import Run

#: "Nothing pending" is believed on lists up to this age.
FRESH_HOURS = 48
#: A file that is dated further ahead than this shows that one of the clocks is wrong.
AHEAD_HOURS = 24


@dataclass(slots=True)
class Updates:
    """Facts, where they were read, and why others are missing."""

    facts: dict[str, Any] = field(default_factory=dict)
    read_from: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    #: facts that are believed when they are empty, however old the lists are
    certain: set[str] = field(default_factory=set)
    #: why no missing fix need not mean that there is none: something that the lists should hold and do not
    doubts: list[str] = field(default_factory=list)
    #: whether this is a distribution without releases and without a security archive
    rolling: bool = False

    def know(self, fact: str, value: object, where: str) -> None:
        """Record a fact and where it was read, unless something showed before that it cannot be told."""
        if fact in self.missing:
            return
        self.facts[fact] = value
        self.read_from[fact] = where

    def lack(self, facts: Iterable[str], reason: str) -> None:
        """Record why these facts cannot be told; the first reason stays."""
        for fact in facts:
            self.facts.pop(fact, None)
            self.missing.setdefault(fact, reason)

    def age(self, fetched: Iterable[int], now: datetime, where: str) -> None:
        """Record the age of the oldest list; none, or one from the future, is no age."""
        hours = [(now.timestamp() - moment) / 3600 for moment in fetched]
        if not hours:
            self.lack(["metadata_age_hours"], "no list of a security archive is on this host")
        elif min(hours) < -AHEAD_HOURS:
            self.lack(["metadata_age_hours"], f"a package list is dated {-min(hours):.0f} hours in the future")
        else:
            self.know("metadata_age_hours", max(0, int(max(hours))), where)

    def distrust_empty(self) -> None:
        """Drop an empty answer unless the lists behind it are there, whole, fresh and not expired."""
        age = self.facts.get("metadata_age_hours")
        if age is None:
            doubt = self.missing.get("metadata_age_hours", "the age of the package lists is not known")
        elif age > FRESH_HOURS:
            doubt = f"the package lists are {age} hours old: no pending update in them proves nothing"
        elif self.facts.get("expired_metadata"):
            doubt = f"the package lists are past their date: {self.facts['expired_metadata'][0]}"
        elif not self.facts.get("security_sources"):
            doubt = "no archive with this release's security updates is configured, or its lists were never fetched"
        elif self.doubts:
            doubt = "; ".join(self.doubts)
        else:
            return
        empty = {name for name in ("pending_security", "withheld_security") if not self.facts.get(name)}
        self.lack(sorted(empty - self.certain), doubt)

    def observation(self, manager: str, schema: Mapping[str, Any]) -> Observation:
        """Return the observation; what no reader spoke of is missing."""
        self.distrust_empty()
        self.know("manager", manager, "the package manager that is installed")
        self.lack([name for name in schema if name not in self.facts], "the package manager gave no answer")
        return Observation.of(self.facts, {k: v for k, v in self.read_from.items() if k in self.facts}, self.missing)


def stamps(run: Run) -> dict[str, int]:
    """Read `stat -c '%Z %n'`: path -> change time in seconds since 1970."""
    found = {}
    for line in run.lines:
        seconds, _, path = line.partition(" ")
        if seconds.isdigit() and path:
            found[path] = int(seconds)
    return found
