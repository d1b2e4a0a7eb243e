"""What came of applying a plan: wave by wave and host by host, as a sweep saw it afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from hardencheck.model.remediation import Change


@dataclass(frozen=True, slots=True)
class HostOutcome:
    """One host of a wave.

    `closed` are the rules of the plan that a fresh sweep passed, `left` those that it did not pass, each with what the
    sweep said. `broken` are rules that were passed before the change and are not any more. `message` says what went
    wrong on the way. `reverted` means that the host took the last change back by itself.
    """

    host: str
    closed: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    message: str = ""
    reverted: bool = False
    changes: tuple[Change, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether all that was planned passes, and nothing that passed before fails."""
        return not (self.left or self.broken or self.message)


@dataclass(frozen=True, slots=True)
class Wave:
    """Hosts that were changed together, and the sweep that looked at them afterwards."""

    number: int
    hosts: tuple[HostOutcome, ...]
    sweep: str

    @property
    def verified(self) -> bool:
        """Whether every host is as planned."""
        return all(host.verified for host in self.hosts)


@dataclass(slots=True)
class Applied:
    """One run of a plan: the waves that were done, hosts that were done before, and hosts that were left alone."""

    run: str
    plan: str
    waves: list[Wave] = field(default_factory=list)
    before: tuple[str, ...] = ()
    untouched: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether all waves were done and verified."""
        return not self.untouched and all(wave.verified for wave in self.waves)
