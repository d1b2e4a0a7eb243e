"""Names that stay: the same words give the same UUID in every report, so that a reader knows what it saw before."""

from __future__ import annotations

import json
from uuid import NAMESPACE_URL, uuid5

_NAMESPACE = uuid5(NAMESPACE_URL, "urn:hardencheck")


def stable_uuid(*words: str) -> str:
    """Return the UUID (version 5) of these words; any text will do, and ("ab", "c") is not ("a", "bc")."""
    return str(uuid5(_NAMESPACE, json.dumps(words)))
