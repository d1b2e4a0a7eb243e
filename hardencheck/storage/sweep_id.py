"""The name of a sweep: sorts by time, and can be typed."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_TOKEN = re.compile(r"[0-9a-f]{6}\Z")


def new_sweep_id(now: datetime, token: str) -> str:
    """Return `20261122T013000Z-1f00d5`: `now` in UTC, and a random token that tells sweeps of one second apart.

    Raises ValueError when `now` has no time zone or `token` is anything else than six lower-case hexadecimal digits.
    """
    if now.tzinfo is None:
        raise ValueError("the time of a sweep needs a time zone")
    if not _TOKEN.match(token):
        raise ValueError("the token of a sweep is six lower-case hexadecimal digits")
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{token}"
