"""What can be asked of a host: a script, a parser and the schema of the facts that it yields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.roster import Roster

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WindowsSystem:
    """What `windows.platform` read of a Windows host; None or "" where it could not be read.

    `build` and `revision` are the two numbers of "19045.5131", `release` is "22H2", `edition` the EditionID. `role` is
    `workstation`, `server` or `domain_controller`; `joined` tells whether it belongs to an Active Directory domain,
    `core` whether it is a Server Core, `admin` whether the collector ran with administrator rights. `barrier` says why
    nothing but the platform could be read, "" when nothing was in the way.
    """

    build: int | None = None
    revision: int | None = None
    edition: str = ""
    release: str = ""
    role: str | None = None
    joined: bool | None = None
    core: bool | None = None
    admin: bool | None = None
    barrier: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """The operating system of a host as its platform's probe read it; empty strings where it could not be read.

    `distribution` is os-release's ID ("windows" on Windows), `like` its ID_LIKE words, `version` its VERSION_ID.
    `container` names the container technology, or is None on a machine with a kernel of its own. `uid` is who the
    collector ran as. `foreign` names the kernel when it is not the one that the inventory promised ("FreeBSD").
    `windows` is what only Windows has.
    """

    distribution: str = ""
    like: tuple[str, ...] = ()
    version: str = ""
    codename: str = ""
    kernel: str = ""
    machine: str = ""
    container: str | None = None
    uid: int | None = None
    foreign: str = ""
    windows: WindowsSystem = WindowsSystem()

    @property
    def family(self) -> str:
        """`debian`, `rhel`, `suse` or `other`."""
        names = (self.distribution, *self.like)
        families = (("debian", {"debian", "ubuntu"}), ("rhel", {"rhel", "fedora", "centos"}))
        for family, members in families:
            if members.intersection(names):
                return family
        return "suse" if any(name.startswith(("suse", "sles", "opensuse")) for name in names) else "other"

    @property
    def privileged(self) -> bool:
        """Whether the collector ran as root, or with administrator rights."""
        return self.uid == 0 or self.windows.admin is True


@dataclass(frozen=True, slots=True)
class Context:
    """What a parser may know besides its capture.

    `now` is the sweep's start (UTC), `values` holds the probe's parameters as they are tailored for this host,
    `unit` is the host's process unit ("" when the inventory gives none), `roster` is what HR knows, if it was given.
    """

    now: datetime
    system: System
    values: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    roster: Roster | None = None


Parser = Callable[[Capture, Context], Observation]


@dataclass(frozen=True, slots=True)
class Question:
    """What several probes ask of a host: asked once, before the first section, for all of them.

    `script` is POSIX sh that only reads; its arguments are the words of all probes that ask (`Probe.asks`). A section
    finds what it printed with the function `answer` of `hardencheck.probes.output.PRELUDE`, and says what it used of
    it. A question that took longer than `seconds`, printed `max_bytes` or more, or whose shell did not run to its end
    has exit status 124 and no text: `script` never leaves its shell (`exit`), whatever it found.
    """

    name: str
    script: str
    seconds: int = 20
    max_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to a host.

    `script` only reads. It is POSIX sh that may use the functions of `hardencheck.probes.output.PRELUDE`, or, for
    Windows, PowerShell 5.1 with those of `hardencheck.probes.prelude.PRELUDE`; the latter reads no parameters and
    asks no questions. `facts` maps each fact's name to a strict JSON Schema. `needs_root` makes the observation
    `not_collected` without root (on Windows: administrator rights). `seconds` and `max_bytes` bound the section.
    `version` grows when the meaning of a fact changes.
    `parameters` are the baseline's values that script and parser read, each with the schema that it must meet: the
    script finds a list as lines in a shell variable of that name, the parser finds it in `Context.values`.
    `reads_roster`: without a roster, rules that use this probe are not selected.
    `asks` names the questions whose answers the script uses, each with its words; `$NAME` stands for the lines of a
    parameter.
    """

    id: str
    title: str
    platform: Platform
    script: str
    facts: Mapping[str, JsonSchema]
    parse: Parser
    needs_root: bool = False
    seconds: int = 20
    max_bytes: int = 256 * 1024
    version: int = 1
    parameters: Mapping[str, JsonSchema] = field(default_factory=dict)
    reads_roster: bool = False
    asks: Mapping[Question, tuple[str, ...]] = field(default_factory=dict)
