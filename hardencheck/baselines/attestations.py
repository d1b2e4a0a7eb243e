"""Reads what is to be attested, which is shipped, and a site's statements about it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hardencheck.baselines import document
from hardencheck.baselines.append import Addition, Entry, append, whole
from hardencheck.baselines.document import Document
from hardencheck.baselines.validate import conform
from hardencheck.errors import BaselineError
from hardencheck.model.attestation import Attestation, ManualControl
from hardencheck.model.expectation import near
from hardencheck.resources import shipped


def manual_controls() -> tuple[ManualControl, ...]:
    """Return what is to be attested, by id."""
    found = document.read(shipped("baselines") / "attestations.yaml")
    return tuple(
        ManualControl(**{**entry, "references": {name: tuple(ids) for name, ids in entry["references"].items()}})
        for entry in found.data["attestations"]
    )


def read_attestations(paths: Sequence[Path]) -> tuple[Attestation, ...]:
    """Return the statements in these files together; raises BaselineError with file, line and key."""
    return tuple(each for path in paths for each in attestations_of(document.read(path)))


def attestations_of(found: Document) -> tuple[Attestation, ...]:
    """Return the statements of one file; raises BaselineError."""
    conform(found, "attestations")
    known = {control.id for control in manual_controls()}
    statements = []
    for number, entry in enumerate(found.data["attestations"]):
        at = ("attestations", number)
        if entry["control"] not in known:
            name = entry["control"]
            raise found.error(f"nothing of this name is to be attested{near(name, known)}", (*at, "control"))
        try:
            day = date.fromisoformat(entry["on"])
        except ValueError:
            raise found.error(f"{entry['on']} is no day of the calendar", (*at, "on")) from None
        statements.append(Attestation(entry["control"], entry["by"], day, entry["evidence"], entry["sha256"]))
    return tuple(statements)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of an evidence file, which must hold something; raises BaselineError."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if file.tell() == 0:
                raise BaselineError("is empty: it proves nothing", path=str(path))
            return found
    except OSError as error:
        raise BaselineError(f"cannot be read: {(error.strerror or '').lower()}", path=str(path)) from None


def attest(path: Path, statement: Attestation) -> None:
    """Add a statement to a site's file; raises BaselineError."""
    append(path, _Attest(statement))


def attestations_to_yaml(statements: Iterable[Attestation]) -> str:
    """Return an attestations file with these statements, which `read_attestations` reads back to the same ones."""
    return whole(_Attest.key, map(_entry, statements))


def _entry(said: Attestation) -> Entry:
    return Entry(
        {
            "control": said.control,
            "by": said.by,
            "on": said.on.isoformat(),
            "evidence": said.evidence,
            "sha256": said.sha256,
        }
    )


@dataclass
class _Attest(Addition):
    statement: Attestation
    key = "attestations"

    def entry(self, before: Document) -> Entry:
        attestations_of(before)
        return _entry(self.statement)

    def check(self, after: Document) -> object:
        return attestations_of(after)
