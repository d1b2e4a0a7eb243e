"""What new content is packed against: what the same host had there the last time, else what other hosts have.

On an ordinary day a host's answer differs from yesterday's in a few times. Without this, the list of its captures and
its results, which name the digests of what changed, would be stored anew each day.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from hardencheck.errors import EvidenceError
from hardencheck.model.manifest import Manifest
from hardencheck.model.outcome import Platform
from hardencheck.model.sweep import HostResult
from hardencheck.storage import blobs, sweeps
from hardencheck.storage.blobs import Content

#: Behind content that the writer packs stand so many bases at most: reading costs so many more unpackings. Content with
#: a longer chain is followed by some that starts anew, so that nothing rests on evidence of long ago.
DEPTH = 16
#: So many contents of a kind are remembered: machines of as many kinds may take turns.
KEPT = 4
#: So many bytes are remembered in all; beyond, remembering starts anew.
MEMORY = 16 * 1024 * 1024


def kinds(platform: Platform, results: str, manifest: str | None, content: Mapping[str, bytes]) -> dict[str, str]:
    """Return of what kind the content of one host is, by digest: its results, its manifest, or a probe's capture."""
    found = {results: f"results {platform.value}"}
    if manifest is not None:
        found |= {manifest: f"manifest {platform.value}", **_listed(content.get(manifest, b""))}
    return found


class Bases:
    """Remembers content of one run by its kind; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._others: dict[str, list[Content]] = {}

    def of_host(self, connection: Connection, result: HostResult, wanted: Collection[str]) -> dict[str, list[Content]]:
        """Return what content of the wanted kinds may be packed against for a host, the best first."""
        before = _before(connection, result, wanted)
        found = {kind: self.others(kind) for kind in wanted}
        for kind, content in before.items():
            if content.depth < DEPTH:
                found[kind].insert(0, content)
        return found

    def others(self, kind: str) -> list[Content]:
        """Return what is remembered of a kind, the newest first."""
        with self._lock:
            return list(self._others.get(kind, ()))

    def keep(self, alone: Mapping[str, Content]) -> None:
        """Remember content by its kind; it must be stored before whatever is packed against it."""
        with self._lock:
            for kind, content in alone.items():
                others = [each for each in self._others.get(kind, ()) if each.digest != content.digest]
                self._others[kind] = [content, *others][:KEPT]
            if sum(len(each.data) for kept in self._others.values() for each in kept) > MEMORY:
                self._others = {}


def _before(connection: Connection, result: HostResult, wanted: Collection[str]) -> dict[str, Content]:
    """Return what a host had of these kinds when it answered last; nothing when that cannot be read any more."""
    row = sweeps.last_seen(connection, result.host, result.platform)
    if row is None:
        return {}
    manifest, results = row
    try:
        of = kinds(result.platform, results, manifest, blobs.read(connection, [manifest]))
        contents = blobs.contents(connection, [digest for digest, kind in of.items() if kind in wanted])
    except EvidenceError:
        return {}  # `evidence verify` is who tells; what is collected today must not suffer from it
    return {of[digest]: content for digest, content in contents.items()}


def _listed(manifest: bytes) -> dict[str, str]:
    try:
        return {digest: probe_id for probe_id, digest in Manifest.from_bytes(manifest).sections.items()}
    except (ValueError, KeyError, TypeError):
        return {}
