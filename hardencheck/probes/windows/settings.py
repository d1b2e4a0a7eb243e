"""Which of several places decides a setting: the first one in Windows' own order that holds it, else its default.

A place that could not be read leaves the setting unknown when no place before it decides: what it holds might. So does
a value of another type than Windows writes there, because what a component makes of it is documented nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hardencheck.model.observation import Observation
from hardencheck.probes.powershell import Item, Key, Section, Value

NUMBER = ("DWord",)
TEXT = ("String", "ExpandString")

#: Prints the item `conflict`: whether device management wins over group policy, which holds for the areas of Policy CSP
#: but Update. https://learn.microsoft.com/windows/client-management/mdm/policy-csp-controlpolicyconflict
CONFLICT = r"""
Registry 'conflict' 'SOFTWARE\Microsoft\PolicyManager\current\device\ControlPolicyConflict' MDMWinsOverGP
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One registry value that can decide a setting: the item that holds its key, its name, and who writes there.

    `by` is `policy` (group policy, local or domain), `mdm` (device management) or `local` (the setting itself).
    """

    item: str
    name: str
    by: str = "policy"
    kinds: tuple[str, ...] = NUMBER


#: what `CONFLICT` prints
_CONFLICT = Place("conflict", "MDMWinsOverGP", "mdm")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it holds: its value and where that comes from, or why it is not known (`why` is not "")."""

    value: Any
    source: str = ""
    why: str = ""


@dataclass(slots=True)
class Facts:
    """Facts of one section while they are gathered; `observation` has them all."""

    facts: dict[str, Any] = field(default_factory=dict)
    read_from: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: Any, source: str) -> None:
        """Note a fact and where it was read."""
        self.facts[name] = value
        self.read_from[name] = source

    def lack(self, name: str, why: str) -> None:
        """Note that a fact could not be told."""
        self.missing[name] = why

    def add(self, name: str, setting: Setting) -> None:
        """Note a setting as a fact, known or not."""
        if setting.why:
            self.lack(name, setting.why)
        else:
            self.put(name, setting.value, setting.source)

    def observation(self) -> Observation:
        """Return the observation of what was gathered."""
        return Observation.of(self.facts, self.read_from, self.missing)


def decide(section: Section, places: Sequence[Place], default: Any, about_default: str = "not set") -> Setting:
    """Return the setting that these places make, the strongest first; `default` holds when none of them is set.

    A default of None is one that nobody can tell: the setting is unknown then, and `about_default` says why. Where a
    group policy and device management say two things, MDMWinsOverGP says who wins if the section has `CONFLICT`;
    without it the setting is unknown.
    """
    for at, place in enumerate(places):
        found = _held(section, place)
        if found is None:
            continue
        rivals = [other for other in places[at + 1 :] if other.by == "mdm"] if place.by == "policy" else []
        return found if found.why else _against(section, found, rivals)
    if default is None:
        return Setting(None, why=about_default)
    return Setting(default, f"default of Windows: {about_default}")


def _held(section: Section, place: Place) -> Setting | None:
    """Return what one place holds, or why that is not known; None when it holds nothing."""
    key = section.key(place.item)
    if isinstance(key, Item):
        return Setting(None, why=key.trouble)
    value = key.get(place.name)
    if value is None:
        return None
    where = f"HKLM\\{key.path}\\{place.name}"
    if value.kind not in place.kinds or value.data is None:
        wanted = "REG_DWORD" if place.kinds == NUMBER else "a text"
        return Setting(None, why=f"{where} has the type {value.kind}, expected {wanted}")
    return Setting(value.data, f"{where}, {writer(place, key, value)}")


def _against(section: Section, policy: Setting, rivals: Sequence[Place]) -> Setting:
    """Return which of a group policy and device management holds where both are set."""
    for rival in rivals:
        asked = _held(section, rival)
        if asked is None or (not asked.why and asked.value == policy.value):
            continue
        if _CONFLICT.item not in section.items:
            return Setting(None, why=asked.why or f"{policy.source}, and {asked.source}, say two things")
        wins = _held(section, _CONFLICT)
        if wins is not None and (wins.why or wins.value == 1):
            return wins if wins.why else asked
    return policy


def writer(place: Place, key: Key, value: Value) -> str:
    """Say who set a value: which policy, as far as the host's own record of policies (RSoP) names it."""
    if value.policy:
        return (
            "set by local group policy" if value.policy == "LocalGPO" else f"set by group policy {_gpo(value.policy)}"
        )
    if place.by == "mdm":
        return "set by device management"
    if place.by == "policy":
        return "set by a policy that is not known"
    return "set on the host"


def _gpo(name: str) -> str:
    """Shorten CN={GUID},CN=Policies,... to the GUID."""
    return name.partition(",")[0].removeprefix("CN=").removeprefix("cn=")
