"""Gives every capture of one host its digest and lists them in a manifest, before anyone reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hardencheck.model.capture import Capture, digest
from hardencheck.model.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Sealed:
    """One host's captures under their digests.

    `blobs` maps digests to bytes: the captures and, under `digest`, the manifest itself.
    """

    manifest: Manifest
    digest: str
    captures: Mapping[str, Capture]
    blobs: Mapping[str, bytes]


def seal(manifest: Manifest, captures: Mapping[str, Capture]) -> Sealed:
    """Seal the captures of one host; `manifest.sections` is filled in here."""
    blobs: dict[str, bytes] = {}
    sections: dict[str, str] = {}
    for probe_id, capture in sorted(captures.items()):
        data = capture.to_bytes()
        sections[probe_id] = digest(data)
        blobs[sections[probe_id]] = data
    listed = replace(manifest, sections=sections)
    data = listed.to_bytes()
    address = digest(data)
    blobs[address] = data
    return Sealed(listed, address, captures, blobs)
