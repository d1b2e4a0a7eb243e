"""`hardencheck plan`: what playbooks would put right of what a sweep found, as a signed file."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit, note, write_whole
from hardencheck.cli.remediation import who
from hardencheck.cli.targets import Reach, Selection


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(plan)


def plan(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the plan is written.", show_default=False)],
    sweep: Annotated[str, typer.Option("--sweep", help="A sweep's id, the start of one, or 'last'.")] = "last",
    inventory: opt.Inventory = None,
    limit: opt.Limit = None,
    vault_password_file: opt.VaultPasswordFile = None,
    rule: opt.Rules = None,
    theme: opt.Themes = None,
    tag: opt.Tags = None,
    exclude: opt.Exclude = None,
    waivers: opt.Waivers = None,
    valid: Annotated[int, typer.Option("--valid", metavar="HOURS", min=1, max=720, help="How long it holds.")] = 72,
    signing_key: opt.SigningKey = None,
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """Plan what to change on which host; nothing is changed. Hosts are those of the sweep that failed something."""
    from hardencheck.baselines.playbooks import playbooks_of
    from hardencheck.cli.evidence import must_exist
    from hardencheck.cli.report import accepted, own_baseline, reported
    from hardencheck.errors import UsageError
    from hardencheck.evidence import audit
    from hardencheck.evidence.keys import key_beside, signer
    from hardencheck.model.audit import Act
    from hardencheck.model.capture import digest
    from hardencheck.pipeline.planning import to_bytes
    from hardencheck.pipeline.sweep import timestamp
    from hardencheck.remediate.plan import Frame, make
    from hardencheck.report.plan import render
    from hardencheck.storage import open_store

    must_exist(store)
    now, accepts = datetime.now(UTC), accepted(waivers)
    name = f"plan-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    frame = Frame(name, timestamp(now), timestamp(now + timedelta(hours=valid)))
    with open_store(store) as opened:
        found = opened.sweep(sweep)
        whole = own_baseline(opened, found)
    if not found.finished:
        raise UsageError(f"sweep {found.id} is not finished", hint="hardencheck sweep --resume finishes it")
    if limit:
        again = Reach(inventory or (), None, vault_password_file).again(found.settings)
        chosen = {host.name for host in replace(again, limit=limit).hosts()}
        found = replace(found, hosts=tuple(host for host in found.hosts if host.host in chosen))
    selection = Selection("", (), rule or (), theme or (), tag or (), exclude or ())
    by = selection.of(whole) if selection.narrows else whole
    key = signer(signing_key or key_beside(store), make=False)
    made = make(frame, found, by, playbooks_of(by), reported(found, whole, accepts).waived)
    content = to_bytes(made, key)
    record = {
        "plan": made.id,
        "plan_digest": digest(content),
        "sweep": made.sweep,
        "hosts": list(made.hosts),
        "steps": len(made.steps),
        "expires": made.expires,
    }
    with open_store(store) as opened, opened.lock(made.id, kind="plan"):
        audit.write(opened, Act.PLAN, record, (frame.created, who()), key)
    try:
        write_whole(out, content)
    except OSError as error:
        raise UsageError(f"--out {out}: it cannot be written ({error.strerror})", hint="another path") from None
    emit(render(made))
    if not made.steps:
        note("no playbook puts anything of it right")
