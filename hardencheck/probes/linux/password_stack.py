"""What a password stack lets through: one program's stack, played with a password that some module should refuse.

Played is the second round of pam_chauthtok(3), as a local user who is not root: quality modules refuse or hand on,
pam_pwhistory and pam_unix look at old passwords, pam_unix stores. Modules whose answer is not known are gone through
in worlds (pam_modules).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hardencheck.model.probe import System
from hardencheck.probes.linux import pam_unix
from hardencheck.probes.linux.pam import Handler, Stack
from hardencheck.probes.linux.pam_dispatch import dispatch
from hardencheck.probes.linux.pam_modules import World, answer
from hardencheck.probes.linux.pam_unix import UNIX
from hardencheck.probes.linux.pwhistory import PWHISTORY, History
from hardencheck.probes.linux.pwquality import MODULES, Quality

ENDLESS = 1_000_000
_STORING = (UNIX, "pam_unix2")


def known(handler: Handler) -> bool:
    """Return whether this module answers from its own settings here."""
    return handler.module in (*MODULES, *_STORING, PWHISTORY)


@dataclass(frozen=True, slots=True)
class Password:
    """The password that is tried.

    `refused` tells whether a quality module with these demands refuses it, `length` counts its characters, and `age`
    is how many changes ago it was in use (0: never).
    """

    refused: Callable[[Quality], bool] = lambda _: False
    length: int = ENDLESS
    age: int = 0


GOOD = Password()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the lines of one stack say, by the place of the line."""

    demands: dict[str, Quality]
    histories: dict[str, History]
    system: System


@dataclass(slots=True)
class Change:
    """One attempt to set a password: what the modules hand on to each other, and which lines stored a password.

    `token` tells whether a password lies ready that the modules before did not refuse.
    """

    settings: Settings
    world: World
    password: Password
    token: bool = False
    stored: list[Handler] = field(default_factory=list)

    def call(self, handler: Handler) -> str:
        """Run one module; a module without `use_authtok` asks for a password when none lies ready."""
        if not known(handler):
            return answer(handler, self.world)
        remembered = self._remembered(handler)
        if handler.module == PWHISTORY and remembered == 0 and not self.settings.histories[handler.where].problem:
            return "ignore"
        if not self.token and {"use_authtok", "use_first_pass"}.intersection(handler.args):
            return "authtok_err"
        if handler.module in MODULES:
            demand = self.settings.demands[handler.where]
            self.token = not (demand.enforcing and self.password.refused(demand))
            return "success" if self.token else demand.refusal
        short = handler.module == UNIX and self.password.length < pam_unix.minlen(handler, self.settings.system)
        self.token = not short and not 0 < self.password.age <= remembered
        if not self.token:
            return "maxtries" if handler.module == PWHISTORY else "authtok_err"
        if handler.module != PWHISTORY:
            self.stored.append(handler)
        return "success"

    def _remembered(self, handler: Handler) -> int:
        if handler.module == PWHISTORY:
            return self.settings.histories[handler.where].count
        return pam_unix.remembered(handler) if handler.module == UNIX else 0


@dataclass(frozen=True, slots=True)
class Study:
    """One program's password stack with the settings of its lines, and the worlds to go through."""

    stack: Stack
    settings: Settings
    groups: list[list[World]]

    @property
    def title(self) -> str:
        """The service and its file, for people."""
        return f"{self.stack.service} ({self.stack.path})"

    @property
    def demands(self) -> dict[str, Quality]:
        """The demands of the quality modules, by the place of their lines."""
        return self.settings.demands

    def takes(self, password: Password) -> set[bool]:
        """Return whether such a password can be set: one answer, or both when unknown modules decide."""
        answers = set()
        for group in self.groups:
            useful = [world for world in group if self._sets(world, GOOD)]
            if useful:
                answers.add(any(self._sets(world, password) for world in useful))
        return answers

    def shortest(self) -> int:
        """Return the length of the shortest password that can be set, in the worst world."""
        own = {pam_unix.minlen(line, self.settings.system) for line in self.stack.handlers if line.module == UNIX}
        candidates = sorted({0, *own, *(demand.length for demand in self.demands.values())})
        return self._weakest(candidates, lambda length: Password(lambda demand: length < demand.length, length))

    def fewest_classes(self) -> int:
        """Return how many kinds of characters (capitals, small letters, digits, others) must be mixed, at the least."""
        candidates = sorted({0, *(demand.classes for demand in self.demands.values())})
        return self._weakest(candidates, lambda classes: Password(lambda demand: classes < demand.classes))

    def remembers(self) -> int | None:
        """Return how many old passwords are refused, None when modules that are not known decide."""
        counts = {pam_unix.remembered(line) for line in self.stack.handlers if line.module == UNIX}
        counts |= {one.count for one in self.settings.histories.values()}
        for count in sorted(counts - {0}, reverse=True):
            answers = self.takes(Password(age=count))
            if answers != {True}:
                return count if answers == {False} else None
        return 0

    def storing(self) -> list[Handler]:
        """Return the lines that store a good password, in some world."""
        found: dict[str, Handler] = {}
        for group in self.groups:
            for world in group:
                change = Change(self.settings, world, GOOD)
                dispatch(self.stack.handlers, change.call)
                found.update((handler.where, handler) for handler in change.stored)
        return list(found.values())

    def _weakest(self, candidates: list[int], password: Callable[[int], Password]) -> int:
        return next((one for one in candidates if True in self.takes(password(one))), candidates[-1])

    def _sets(self, world: World, password: Password) -> bool:
        change = Change(self.settings, world, password)
        return dispatch(self.stack.handlers, change.call) == "success" or bool(change.stored)
