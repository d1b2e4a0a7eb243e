"""`hardencheck evidence`: prove that what is stored is what was collected, and let others hold us to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit, note

if TYPE_CHECKING:
    from hardencheck.evidence.checkpoint import Checkpoint
    from hardencheck.evidence.keys import Verifier
    from hardencheck.evidence.source import Source


def add(app: typer.Typer) -> None:
    """Register the commands."""
    evidence = typer.Typer(help="Prove that stored evidence is what was collected.", no_args_is_help=True)
    evidence.command()(verify)
    evidence.command()(checkpoint)
    app.add_typer(evidence, name="evidence")


def verify(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="A checkpoint that was kept elsewhere: also prove that nothing before it was rewritten since, "
            "not even by somebody with the store and the key.",
        ),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Public key (PEM) to trust; may be given several times. Without one, the key beside the store.",
            show_default=False,
        ),
    ] = None,
    tsa_ca: Annotated[
        Path | None,
        typer.Option(
            "--tsa-ca",
            metavar="FILE",
            help="Certificates (PEM) of time stamp authorities: also verify the time stamps.",
        ),
    ] = None,
    store: opt.StoreOption = opt.default_store(),
) -> None:
    """Verify the whole store offline: signatures, chain, every host's row, captures and results."""
    from hardencheck.errors import UsageError
    from hardencheck.evidence.keys import key_beside, public_of, verifier
    from hardencheck.evidence.source import StoreSource
    from hardencheck.evidence.verify import verify as verified
    from hardencheck.storage import open_store

    must_exist(store)
    trusted = [verifier(path) for path in key or [public_of(key_beside(store))]]
    earlier = _checkpoint(checkpoint, trusted) if checkpoint else None
    with open_store(store) as opened, opened.snapshot() as snapshot:
        source = StoreSource(snapshot)
        found = verified(source, trusted, earlier)
        stamps = _stamps(source, tsa_ca) if tsa_ca else ""
    if found.head is None:
        raise UsageError("the store holds no finished sweep yet", hint="run a sweep first")
    emit(f"{found.sweeps} sweeps: {found.hosts} results of hosts and {found.captures} captures are what was sealed\n")
    if found.purged:
        emit(f"{found.purged} of the sweeps are purged: of them, the chain alone is left\n")
    for keyid in sorted(found.signers):
        emit(f"signed by key {keyid}\n")
    emit(f"log {found.head.origin} has {found.head.size} links, its head is {found.head.root.hex()}\n")
    emit(stamps)
    if earlier:
        emit(f"nothing up to link {earlier.size} was changed since the checkpoint was made\n")
    elif not key:
        note("who may write beside the store could have replaced all of it and the key, too; a copy of the public key")
        note("(--key FILE) and an earlier checkpoint (--checkpoint FILE), both kept elsewhere, prove more")


def checkpoint(signing_key: opt.SigningKey = None, store: opt.StoreOption = opt.default_store()) -> None:
    """Print where the evidence chain stands, signed: mail it, or log it, where nobody here can change it."""
    from hardencheck.errors import UsageError
    from hardencheck.evidence.chain import checkpoint_of
    from hardencheck.evidence.checkpoint import signed
    from hardencheck.evidence.keys import key_beside, signer
    from hardencheck.storage import open_store

    must_exist(store)
    with open_store(store) as opened:
        envelopes = opened.envelopes()
    if not envelopes:
        raise UsageError("the store holds no finished sweep yet", hint="run a sweep first")
    emit(signed(checkpoint_of(envelopes), signer(signing_key or key_beside(store), make=False)))


def _stamps(source: Source, certificates: Path) -> str:
    """Return what time stamps prove, as a line."""
    from hardencheck.evidence.timestamp import roots, verify_stamps

    found = verify_stamps(source.links(), roots(certificates))
    if found is None:
        return "no link carries a time stamp\n"
    return f"{found.count} links carry time stamps; link {found.position} existed on {found.time:%Y-%m-%dT%H:%M:%SZ}\n"


def must_exist(store: Path) -> None:
    """Refuse a store that is not there; opening it would make an empty one. Raises UsageError."""
    from hardencheck.errors import UsageError

    if not store.exists():
        raise UsageError(f"store {store}: it does not exist", hint="name the store with --store")


def _checkpoint(path: Path, trusted: list[Verifier]) -> Checkpoint:
    from hardencheck.errors import EvidenceError, UsageError
    from hardencheck.evidence.checkpoint import read

    try:
        note = path.read_bytes()
    except OSError as error:
        raise UsageError(f"checkpoint {path}: it cannot be read ({error.strerror})") from error
    try:
        return read(note, trusted)
    except EvidenceError as error:
        raise EvidenceError(f"checkpoint {path}: {error.message}", hint=error.hint) from error
