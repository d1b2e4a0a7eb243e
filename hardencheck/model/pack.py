"""What a pack for one client holds and leaves out, as the reports inside it tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hardencheck.model.report import Report
from hardencheck.model.sweep import Sweep


@dataclass(frozen=True, slots=True)
class Withheld:
    """One capture of one host that is not in the pack: its probe, its digest (which stays in the manifest), and why."""

    host: str
    probe: str
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Packed:
    """One sweep in a pack.

    `sweep` holds the hosts of the pack's client only. `position` is that of its link in the log, counted from 0.
    `sealed` is how many hosts the whole sweep sealed, of all clients. `stamped` says whether its link carries a time
    stamp, `limited` whether it was made with `--limit`, so that hosts of the inventory may be missing from its scope.
    `edited` are the hosts whose leaf or results are not the sealed bytes any more, because words in them were replaced.
    `narrowed_baseline` and `narrowed_roster` say whether parts about others were taken out, so that the digest in the
    pack is not the sealed one.
    """

    sweep: Sweep
    position: int
    sealed: int
    stamped: bool
    limited: bool
    withheld: tuple[Withheld, ...] = ()
    edited: tuple[str, ...] = ()
    narrowed_baseline: bool = False
    narrowed_roster: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """The auditor's choice: how many hosts were asked for, with which seed, and which were drawn (`model/sample.py`).

    The names drawn from are those of the newest sweep in the pack as they stand in the pack: pseudonyms, if it has any.
    """

    size: int
    seed: int
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cover:
    """A pack as its cover, its population and its sheets tell it.

    `made` is when it was made (UTC, ISO 8601), `since` the day (YYYY-MM-DD) at whose beginning its sweeps had not
    ended, None for all. `keyid` is the key that signs the pack. `log_size` and `log_head` (64 hexadecimal digits) are
    where the store's log stood. `packed` are its sweeps, at least one, in the order of the log. `left_out` are the
    positions of all other links of the log by the reason for which they are not here. `report` is the report on the
    newest sweep, of these hosts only.
    """

    client: str
    made: str
    since: str | None
    keyid: str
    log_size: int
    log_head: str
    packed: tuple[Packed, ...]
    report: Report
    left_out: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    pseudonyms: bool = False
    sample: Sample | None = None

    @property
    def newest(self) -> Packed:
        """The newest sweep: the last one in the log."""
        return self.packed[-1]

    @property
    def sheets(self) -> dict[str, str]:
        """The sampled hosts with the path of each one's sheet beside the cover, in the order in which they were drawn.

        `{"desk-1": "sheets/0001.html"}`; empty without a sample.
        """
        hosts = self.sample.hosts if self.sample else ()
        return {host: f"sheets/{number:04d}.html" for number, host in enumerate(hosts, 1)}
