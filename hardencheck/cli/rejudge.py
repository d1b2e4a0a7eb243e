"""`hardencheck rejudge`: derive every result of a stored sweep anew, from its captures alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli import reports
from hardencheck.cli.exit_codes import exit_code
from hardencheck.cli.output import emit, note
from hardencheck.model.outcome import Level, Severity

if TYPE_CHECKING:
    from hardencheck.model.baseline import Baseline
    from hardencheck.model.sweep import Sweep


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(rejudge)


def rejudge(
    sweep: opt.SweepId = "last",
    baseline: Annotated[
        str | None, typer.Option("-b", "--baseline", help="Another baseline than the sweep's own.")
    ] = None,
    tailoring: opt.Tailoring = None,
    level: opt.LevelOption = None,
    waivers: opt.Waivers = None,
    pack: Annotated[
        Path | None,
        typer.Option("--pack", metavar="PACK", help="Judge a sweep of this pack (zip or folder); no store is needed."),
    ] = None,
    key: opt.TrustedKeys = None,
    format: opt.FormatOption = opt.Format.TABLE,
    report: opt.ReportOption = None,
    fail_on: opt.FailOn = Severity.MEDIUM,
    store: opt.StoreOption = opt.default_store(),
) -> int:
    """Judge a sweep of the store or a pack again, offline; says on standard error whether anything differs."""
    from hardencheck.cli.diff import explained
    from hardencheck.cli.report import accepted, own_baseline, rendered, reported
    from hardencheck.cli.targets import Selection
    from hardencheck.errors import UsageError
    from hardencheck.pipeline.rejudge import differences
    from hardencheck.pipeline.rejudge import rejudge as judge_again
    from hardencheck.storage import open_store

    if tailoring and not baseline:
        raise UsageError("--tailoring goes with --baseline", hint="the sweep's own baseline holds its own tailoring")
    if key and not pack:
        raise UsageError("--key goes with --pack", hint="the store's own key proves the store: evidence verify")
    wanted = reports.parse(report)
    accepts = accepted(waivers)
    other = Selection(baseline, tailoring or ()).load() if baseline else None
    if pack:
        again = _of_pack(pack, sweep, key, (other, level))
        found = reported(again.after, again.baseline, accepts)
    else:
        with open_store(store) as opened:
            before = opened.sweep(sweep)
            judged_by = _at(other or own_baseline(opened, before), level)
            again = _Again(before, judge_again(before, judged_by, opened), judged_by)
            found = reported(again.after, judged_by, accepts)
            if not baseline and not level:  # as it was judged: with another baseline, every difference is told below
                found = explained(found, opened, accepts, whole=again.after, since=None)
    emit(rendered(found, format))
    reports.write(found, wanted)
    changed = differences(again.before, again.after)
    for line in (*changed, *again.notes):
        note(line)
    note(f"{len(changed)} results differ from the stored ones" if changed else "every result is as it was stored")
    return exit_code(found, fail_on)


@dataclass(frozen=True, slots=True)
class _Again:
    """A sweep as it was and as it is judged again, and by what; `notes` say what could not be judged again."""

    before: Sweep
    after: Sweep
    baseline: Baseline
    notes: tuple[str, ...] = ()


def _of_pack(path: Path, name: str, keys: list[Path] | None, wanted: tuple[Baseline | None, Level | None]) -> _Again:
    """Judge a sweep of a pack again, once the pack is verified; raises EvidenceError when it does not hold."""
    from hardencheck.baselines.snapshot import from_bytes
    from hardencheck.errors import UsageError
    from hardencheck.evidence.keys import verifier
    from hardencheck.evidence.pack_source import opened
    from hardencheck.evidence.reading import decode
    from hardencheck.pipeline.rejudge import rejudge as judge_again
    from hardencheck.pipeline.rejudge import with_withheld

    other, level = wanted
    with opened(path, [verifier(key) for key in keys] if keys else None) as pack:
        pack.verify()
        if pack.about.pseudonyms:
            raise UsageError(
                f"pack {path}: its names are replaced and it holds no captures, so nothing can be judged again",
                hint="hardencheck evidence verify proves what it holds; ask for a pack without --pseudonymise",
            )
        before = pack.sweep(name)
        baseline = _at(other or decode(pack.baseline(before), "the baseline", from_bytes), level)
        withheld = pack.withheld(before)
        after = with_withheld(judge_again(before, baseline, pack), before, baseline, withheld)
    notes = [] if keys else ["the key came with the pack: --key FILE trusts a copy that came another way"]
    if withheld:
        notes.append(f"{len(withheld)} hosts lack captures that name others: what rests on these was not judged again")
    return _Again(before, after, baseline, tuple(notes))


def _at(baseline: Baseline, level: Level | None) -> Baseline:
    return replace(baseline, level=level) if level else baseline
