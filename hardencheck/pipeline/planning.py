"""Plans as signed files: readable JSON, bound by one signature to what was read and until when."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from hardencheck.errors import RemediationError
from hardencheck.evidence.dsse import pae
from hardencheck.evidence.keys import Signer, Verifier
from hardencheck.model.codec import canonical, loads
from hardencheck.model.plan import Manual, Plan, Step, Touches

#: what is signed, in DSSE's pre-authentication encoding: no other signature of the key is one over a plan
KIND = "application/vnd.hardencheck.plan+json; version=1"
_ANEW = "make a new one: hardencheck plan --out FILE"


def to_bytes(plan: Plan, key: Signer) -> bytes:
    """Return the plan as a file: JSON to be read by people too, with the signature over its canonical form."""
    body = asdict(plan)
    signature = base64.b64encode(key.sign(pae(KIND, canonical(body)))).decode()
    whole = {"plan": body, "signature": {"keyid": key.verifier.keyid, "sig": signature}}
    return (json.dumps(whole, indent=2) + "\n").encode()


def from_bytes(data: bytes, trusted: Collection[Verifier], now: str) -> Plan:
    """Return the plan in a file that one of the trusted keys signed.

    Raises RemediationError when it is no plan, was changed after it was signed, or is over at `now` (UTC, ISO 8601).
    """
    try:
        whole = loads(data)
        body, keyid, sig = whole["plan"], whole["signature"]["keyid"], whole["signature"]["sig"]
        signature = base64.b64decode(sig, validate=True)
        signed = pae(KIND, canonical(body))
    except KeyError as error:
        raise RemediationError(f"it is no plan (it lacks {error})", hint=_ANEW) from error
    except (ValueError, TypeError, binascii.Error) as error:
        raise RemediationError(f"it is no plan ({error})", hint=_ANEW) from error
    key = next((each for each in trusted if each.keyid == keyid), None)
    if key is None:
        raise RemediationError(f"it is signed by key {str(keyid)[:16]}, which is not trusted here", hint=_ANEW)
    if not key.signed(signed, signature):
        raise RemediationError("it was changed after it was signed", hint=_ANEW)
    try:
        plan = _plan(body)
    except (KeyError, TypeError) as error:
        raise RemediationError(f"it was made by another version of hardencheck ({error})", hint=_ANEW) from error
    if plan.expires <= now:
        raise RemediationError(f"it ended on {plan.expires}: hosts may be others by now", hint=_ANEW)
    return plan


def _plan(body: Mapping[str, Any]) -> Plan:
    return Plan(
        **{
            **body,
            "steps": tuple(Step(**step) for step in body["steps"]),
            "manual": tuple(Manual(**each) for each in body["manual"]),
            "touches": {name: Touches(**_listed(each)) for name, each in body["touches"].items()},
        }
    )


def _listed(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
