"""Bundles of what hosts answered, without names: what a site sends so that its machines become test cases."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

from hardencheck.collect.frame import join
from hardencheck.collect.gather import Answer, Collected
from hardencheck.collect.redact import redact
from hardencheck.collect.script import new_nonce
from hardencheck.errors import StoreError, UsageError
from hardencheck.transport.replay import record


class Recorder:
    """Writes one file per host that answered into a folder, in the order of their answers, for a `ReplayTransport`.

    One random key per bundle decides which name becomes which; it is forgotten with the process, so a bundle is made in
    one run, in a folder of its own. Raises UsageError for another folder.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            used = any(folder.iterdir())
        except OSError as error:
            raise UsageError(f"--record {folder}: {error.strerror}", hint="name a folder that can be made") from None
        if used:
            raise UsageError(f"--record {folder}: the folder is not empty", hint="name a folder of its own")
        self._folder = folder
        self._key = secrets.token_bytes(32)
        self._count = 0

    def keep(self, collected: Collected) -> None:
        """Write what one host answered; one that did not answer leaves nothing. Raises StoreError."""
        if not isinstance(collected.answer, Answer):
            return
        self._count += 1
        frames, exchange, nonce = collected.answer.frames, collected.answer.exchange, new_nonce()
        stdout = join(redact(collected.host, frames.captures, self._key), nonce, complete=frames.complete)
        host = replace(collected.host, name=f"host-{self._count:03d}")
        try:
            record(self._folder, host, replace(exchange, stdout=stdout, stderr=b""), nonce)
        except OSError as error:
            raise StoreError(
                f"--record {self._folder}: {error.strerror}",
                hint="what was done is kept; hardencheck sweep --resume finishes the rest without recording",
            ) from error
