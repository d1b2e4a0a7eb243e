"""`hardencheck evidence export`: everything about one client in one signed file, and nothing about any other one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit, note

if TYPE_CHECKING:
    from hardencheck.model.attestation import Attestation
    from hardencheck.model.pack import Cover

_Client = Annotated[str, typer.Option("--client", help="The client, as the inventory calls it.", show_default=False)]


def export(
    client: _Client,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The pack, a zip that is not there yet.", show_default=False)
    ],
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DAY", help="Only sweeps that ended on this day (UTC) or later, such as 2026-07-01."
        ),
    ] = None,
    waivers: opt.Waivers = None,
    attestations: opt.Attestations = None,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", help="Draw N hosts at random, with a sheet for each.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The number that decides who is drawn; the auditor chooses it.")
    ] = None,
    pseudonymise: Annotated[
        Path | None,
        typer.Option(
            "--pseudonymise",
            metavar="KEYFILE",
            help="Replace names of hosts and people, always alike with this key, which is made when it is not there, "
            "and leave captures out. Keep the key: evidence names needs it.",
        ),
    ] = None,
    signing_key: opt.SigningKey = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Public key (PEM) that signed sweeps before the signing key did; may be given several times.",
        ),
    ] = None,
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """Write a pack of evidence for a client: one signed zip that an auditor verifies without this machine."""
    from hardencheck.baselines.waivers import read_waivers
    from hardencheck.cli.evidence import must_exist
    from hardencheck.errors import UsageError
    from hardencheck.evidence.keys import key_beside, signer, verifier
    from hardencheck.evidence.pseudonyms import read_key
    from hardencheck.pipeline.export import Maker, Wanted
    from hardencheck.pipeline.export import export as write
    from hardencheck.storage import open_store

    must_exist(store)
    drawn = None
    if sample is not None or seed is not None:
        if sample is None or seed is None or sample < 1 or seed < 0:
            raise UsageError(
                "--sample and --seed go together: a number of hosts, and a seed of 0 or more",
                hint="the auditor chooses the seed, once the hosts are known",
            )
        drawn = (sample, seed)
    maker = Maker(
        datetime.now(UTC),
        signer(signing_key or key_beside(store), make=False),
        tuple(verifier(path) for path in key or ()),
    )
    wanted = Wanted(
        client=client,
        since=_day(since) if since is not None else None,
        waivers=read_waivers(waivers) if waivers else None,
        attestations=_attestations(attestations),
        sample=drawn,
        pseudonym_key=read_key(pseudonymise, make=True) if pseudonymise else None,
    )
    with open_store(store) as opened:
        cover = write(opened, wanted, maker, out)
    emit(_told(cover, out))
    note("what is not in it and why stands on its cover; hardencheck evidence verify proves the rest")


def names(
    client: _Client,
    pseudonymise: Annotated[
        Path,
        typer.Option(
            "--pseudonymise", metavar="KEYFILE", help="The key that the packs were made with.", show_default=False
        ),
    ],
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """Print the name behind each pseudonym of a client's packs; for your eyes, not for the auditor's."""
    from hardencheck.cli.evidence import must_exist
    from hardencheck.evidence.pseudonyms import read_key
    from hardencheck.pipeline.export import pseudonyms_of
    from hardencheck.report.escape import term
    from hardencheck.storage import open_store

    must_exist(store)
    key = read_key(pseudonymise, make=False)
    with open_store(store) as opened:
        found = pseudonyms_of(opened, client, key).names
    emit("".join(f"{pseudonym} {term(name)}\n" for pseudonym, name in found.items()))


def _told(cover: Cover, out: Path) -> str:
    """Return in lines what a pack holds."""
    from hardencheck.report.screen import counted

    hosts = {host.host for each in cover.packed for host in each.sweep.hosts}
    withheld = {each for packed in cover.packed for each in packed.withheld}
    edited = {host for packed in cover.packed for host in packed.edited}
    lines = [f"{out}: {counted(len(cover.packed), 'sweep')} of {counted(len(hosts), 'host')} of client {cover.client}"]
    if withheld:
        lines.append(f"{len(withheld)} captures are withheld, because they name others")
    if cover.pseudonyms:
        lines.append("names are replaced and captures left out: it can be verified, and not judged again")
    elif edited:
        lines.append(f"{len(edited)} hosts are edited: words that name others are replaced")
    if cover.sample:
        lines.append(f"{len(cover.sample.hosts)} hosts are drawn with seed {cover.sample.seed}")
    return "".join(f"{line}\n" for line in lines)


def _day(text: str) -> date:
    from hardencheck.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--since {text}: expected a day such as 2026-07-01") from None


def _attestations(files: list[Path] | None) -> tuple[Attestation, ...] | None:
    from hardencheck.baselines.attestations import read_attestations

    return read_attestations(files) if files else None
