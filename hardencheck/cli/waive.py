"""`hardencheck waive`: accept one failing rule on some hosts until a day, bound to what was observed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit, note
from hardencheck.errors import UsageError
from hardencheck.report.escape import term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hardencheck.model.result import RuleResult
    from hardencheck.model.sweep import Sweep
    from hardencheck.model.waiver import Waiver

#: so many hosts, and so much of each one's message, stand in the comment above an entry
_SHOWN = 5
_LENGTH = 160


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(waive)


def waive(
    rule: Annotated[str, typer.Argument(help="The rule's id.")],
    reason: Annotated[str, typer.Option(help="Why the failure is accepted.")],
    ticket: Annotated[str, typer.Option(help="Where it was decided.")],
    requester: Annotated[str, typer.Option(help="Who asks for it.")],
    approver: Annotated[str, typer.Option(help="Who accepts it: someone else.")],
    until: Annotated[str, typer.Option(help="The last day on which it holds (YYYY-MM-DD, UTC).")],
    compensating_control: Annotated[str, typer.Option(help="What protects instead.")],
    host: Annotated[list[str] | None, typer.Option("--host", help="On these hosts.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="On the hosts of these groups.")] = None,
    client: Annotated[list[str] | None, typer.Option("--client", help="On the hosts of these clients.")] = None,
    waivers: Annotated[Path, typer.Option("--waivers", help="The file that the waiver is added to.")] = Path(
        "waivers.yaml"
    ),
    sweep: Annotated[str, typer.Option("--sweep", help="The sweep whose observed values are accepted.")] = "last",
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """Add a waiver to a file; reports that are given the file show the failure as accepted until it ends."""
    from hardencheck.baselines.grant import grant
    from hardencheck.baselines.waivers import same_person
    from hardencheck.model.waiver import Waiver, observed_digest
    from hardencheck.storage import open_store

    if same_person(requester, approver):
        raise UsageError("--approver must be someone else than --requester")
    now = datetime.now(UTC)
    with open_store(store) as opened:
        found = opened.sweep(sweep)
    wanted = Waiver(
        id="",
        rule_id=rule,
        reason=reason,
        ticket=ticket,
        requester=requester,
        approver=approver,
        granted=now.date(),
        expires=_last_day(until, now.date()),
        compensating_control=compensating_control,
        observed=frozenset(),
        hosts=tuple(host or ()),
        groups=tuple(group or ()),
        clients=tuple(client or ()),
    )
    failing = _failing(found, wanted)
    granted = replace(wanted, observed=frozenset(map(observed_digest, failing.values())))
    added = grant(waivers, granted, _seen(failing))
    count = f"{len(failing)} failing host{'' if len(failing) == 1 else 's'}"
    emit(f"{term(waivers)}: {added} covers {rule} on {count} until the end of {granted.expires} UTC\n")
    note(f"it counts where the file is given: hardencheck report --waivers {term(waivers)}")


def _last_day(until: str, today: date) -> date:
    from hardencheck.model.waiver import MAX_DAYS

    try:
        last = datetime.strptime(until, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise UsageError(f"--until {until}: not a day", hint="write it as 2027-01-31") from None
    if last < today:
        raise UsageError(f"--until {until}: is in the past")
    if last > today + timedelta(MAX_DAYS):
        raise UsageError(f"--until {until}: a waiver lasts at most {MAX_DAYS} days", hint="renew it when it ends")
    return last


def _failing(sweep: Sweep, wanted: Waiver) -> dict[str, RuleResult]:
    """Return what the waiver would cover, by host; raises UsageError for whatever is not there."""
    from hardencheck.model.expectation import near
    from hardencheck.model.outcome import Outcome

    if sum(map(bool, (wanted.hosts, wanted.groups, wanted.clients))) != 1:
        raise UsageError("say where it holds, in one way: --host, --group or --client")
    rules = {result.rule_id for each in sweep.hosts for result in each.results}
    if wanted.rule_id not in rules:
        hint = "hardencheck sweeps lists the sweeps for --sweep"
        raise UsageError(f"sweep {sweep.id} has no rule {wanted.rule_id}{near(wanted.rule_id, rules)}", hint=hint)
    known = {
        "host": (wanted.hosts, {each.host for each in sweep.hosts}),
        "group": (wanted.groups, {name for each in sweep.hosts for name in each.groups}),
        "client": (wanted.clients, {each.labels.get("client", "") for each in sweep.hosts} - {""}),
    }
    for kind, (names, there) in known.items():
        for name in names:
            if name not in there:
                raise UsageError(f"sweep {sweep.id} has no {kind} {name}{near(name, there)}")
    outcomes = {
        each.host: result
        for each in sweep.hosts
        if wanted.concerns(each)
        for result in each.results
        if result.rule_id == wanted.rule_id
    }
    failing = {name: result for name, result in outcomes.items() if result.outcome is Outcome.FAIL}
    for name in wanted.hosts or ([] if failing else [wanted.scope()]):
        if name not in failing:
            was = f": it is {outcomes[name].outcome.value}" if name in outcomes else ""
            raise UsageError(
                f"{wanted.rule_id} does not fail on {name} in sweep {sweep.id}{was}",
                hint="only a failure that was seen can be accepted",
            )
    return failing


def _seen(failing: Mapping[str, RuleResult]) -> list[str]:
    """Return what is accepted, in words for the people who review the file."""
    lines = [term(f"{name}: {result.message}")[:_LENGTH] for name, result in list(failing.items())[:_SHOWN]]
    return [*lines, f"and {len(failing) - _SHOWN} more hosts"] if len(failing) > _SHOWN else lines
