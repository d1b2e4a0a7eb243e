"""The list of one host's captures by digest: what a sweep seals, and what judging is fed from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hardencheck.model.capture import Ended


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one host answered: the digest of each section, and how the exchange ended.

    `sections` maps a probe's id to its capture's digest. `absent` maps a probe that was asked but did not arrive
    whole to the reason. `privilege_note` is what sudo said when it refused, else empty. `roster` is the digest of the
    roster that the host is judged by, None when there is none.
    """

    host: str
    ended: Ended
    sections: Mapping[str, str]
    absent: Mapping[str, str] = field(default_factory=dict)
    privilege_note: str = ""
    roster: str | None = None

    def to_bytes(self) -> bytes:
        """Encode canonically: sorted keys, no spaces, UTF-8."""
        body: dict[str, Any] = {
            "absent": dict(self.absent),
            "ended": self.ended.value,
            "host": self.host,
            "privilege_note": self.privilege_note,
            "roster": self.roster,
            "sections": dict(self.sections),
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Decode what `to_bytes` wrote; raises ValueError, KeyError or TypeError on anything else."""
        body = json.loads(data)
        return cls(**{**body, "ended": Ended(body["ended"])})
