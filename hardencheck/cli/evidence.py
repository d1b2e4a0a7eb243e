"""`hardencheck evidence`: prove that what is stored is what was collected, and let others hold us to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardencheck.cli import options as opt
from hardencheck.cli.output import emit, note
from hardencheck.report.escape import term

if TYPE_CHECKING:
    from hardencheck.evidence.checkpoint import Checkpoint
    from hardencheck.evidence.keys import Verifier
    from hardencheck.evidence.source import Source
    from hardencheck.evidence.verify import Verified

#: so many names of hosts are printed of those that are edited
_NAMES = 20


def add(app: typer.Typer) -> None:
    """Register the commands."""
    from hardencheck.cli.evidence_export import export, names

    evidence = typer.Typer(
        help="Prove that evidence is what was collected, and hand it to others.", no_args_is_help=True
    )
    for command in (verify, checkpoint, export, names):
        evidence.command()(command)
    app.add_typer(evidence, name="evidence")


def verify(
    pack: Annotated[
        Path | None,
        typer.Argument(metavar="PACK", help="A pack, zipped or unpacked. Without one, the store.", show_default=False),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="A checkpoint that was kept elsewhere: also prove that nothing before it was rewritten since, "
            "not even by somebody with the store and the key.",
        ),
    ] = None,
    key: opt.TrustedKeys = None,
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
    """Verify a pack or the whole store offline: signatures, chain, every host, its captures and results."""
    from hardencheck.evidence.keys import verifier

    trusted = [verifier(path) for path in key] if key else None
    if pack is not None:
        _verify_pack(pack, trusted, checkpoint, tsa_ca)
    else:
        _verify_store(store, trusted, checkpoint, tsa_ca)


def _verify_store(store: Path, trusted: list[Verifier] | None, checkpoint: Path | None, tsa_ca: Path | None) -> None:
    from hardencheck.errors import UsageError
    from hardencheck.evidence.keys import key_beside, public_of, verifier
    from hardencheck.evidence.source import StoreSource
    from hardencheck.evidence.verify import verify as verified
    from hardencheck.storage import open_store

    must_exist(store)
    keys = trusted or [verifier(public_of(key_beside(store)))]
    earlier = _checkpoint(checkpoint, keys) if checkpoint else None
    with open_store(store) as opened, opened.snapshot() as snapshot:
        source = StoreSource(snapshot)
        found = verified(source, keys, earlier)
        stamps = _stamps(source, tsa_ca) if tsa_ca else ""
        unfinished = snapshot.unfinished()
    if found.head is None:
        raise UsageError("the store holds no finished sweep yet", hint="run a sweep first")
    emit(_proved(found) + stamps)
    if unfinished:
        emit(f"nothing is proved of sweeps that have not ended: {term(', '.join(unfinished))}\n")
    if earlier:
        emit(_held(earlier))
    elif not trusted:
        note("who may write beside the store could have replaced all of it and the key, too; a copy of the public key")
        note("(--key FILE) and an earlier checkpoint (--checkpoint FILE), both kept elsewhere, prove more")


def _verify_pack(pack: Path, trusted: list[Verifier] | None, checkpoint: Path | None, tsa_ca: Path | None) -> None:
    from hardencheck.evidence.pack_source import opened
    from hardencheck.report.escape import term

    with opened(pack, trusted) as found:
        earlier = _checkpoint(checkpoint, trusted or [found.key]) if checkpoint else None
        proved = found.verify(earlier)
        stamps = _stamps(found, tsa_ca) if tsa_ca else ""
        about = found.about
    since = f", of sweeps that ended on {about.since} or later" if about.since else ""
    emit(f"pack for client {term(about.client)}, made {term(about.made)}{since}\n{_proved(proved)}{stamps}")
    emit(f"the pack is signed by key {found.key.keyid}\n")
    if earlier:
        emit(_held(earlier))
    if not trusted:
        note(
            "the key came with the pack: whoever made another pack could have made another key. A copy of it that came"
        )
        note("another way (--key FILE), or its id told by somebody you know, proves who made this one")


def _proved(found: Verified) -> str:
    """Return what is proved and what is not, in lines."""
    from hardencheck.report.escape import term
    from hardencheck.report.screen import counted

    lines = [
        f"{counted(found.sweeps, 'sweep')}: {counted(found.hosts - len(found.edited), 'result')} of hosts and "
        f"{counted(found.captures, 'capture')} are what was sealed"
    ]
    if found.acts:
        lines.append(f"{counted(found.acts, 'record')} of remediation: who did what is what was sealed")
    if found.purged:
        lines.append(f"{found.purged} of the sweeps are purged: of them, the chain alone is left")
    if found.edited:
        names = sorted({host for _, host in found.edited})
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        lines.append(
            f"{len(found.edited)} results of hosts are edited, the pack's signature alone vouches for them: "
            f"{', '.join(map(term, names[:_NAMES]))}{more}"
        )
    if found.narrowed:
        lines.append(
            f"{len(found.narrowed)} sweeps have a baseline or a roster without what concerns others, "
            "the pack's signature alone vouches for what is left of it"
        )
    if found.withheld:
        lines.append(f"{found.withheld} captures are withheld, because they name others; their digests are here")
    lines += [f"signed by key {keyid}" for keyid in sorted(found.signers)]
    if found.head:
        lines.append(f"log {term(found.head.origin)} has {found.head.size} links, its head is {found.head.root.hex()}")
    return "".join(f"{line}\n" for line in lines)


def _held(earlier: Checkpoint) -> str:
    return f"nothing up to link {earlier.size} was changed since the checkpoint was made\n"


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
