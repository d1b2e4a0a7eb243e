"""One capture becomes one observation: only a section that arrived whole is parsed, and its facts are checked."""

from __future__ import annotations

from functools import cache
from math import isfinite
from typing import Any

import jsonschema_rs

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Status
from hardencheck.model.probe import Context, Probe, System
from hardencheck.probes import all_probes

WITH_FACTS = (Status.COMPLETE, Status.INCOMPLETE)


def observe(probe: Probe, capture: Capture, context: Context) -> Observation:
    """Return what the probe learned; never raises, whatever the capture holds.

    A section that was cut off by its time or size limit is not parsed at all: half an answer proves nothing.
    """
    if capture.timed_out:
        return Observation.not_collected(f"{probe.id} used up its {probe.seconds} seconds on the host")
    if capture.truncated:
        return Observation.not_collected(f"{probe.id} wrote more than its {probe.max_bytes} bytes")
    if probe.needs_root and not context.system.privileged:
        return Observation.not_collected(f"{probe.id} needs {privilege(context.system)}")
    try:
        observation = probe.parse(capture, context)
    except CaptureUnreadable as error:
        return Observation.error(f"{probe.id}: {error}")
    except Exception as error:  # noqa: BLE001  a parser bug on one host's bytes is that rule's error, not the sweep's end
        return Observation.error(f"{probe.id}: the parser failed: {type(error).__name__}: {error}")
    problem = _problem(probe, observation) if observation.status in WITH_FACTS else ""
    return Observation.error(f"{probe.id}: {problem}") if problem else observation


def privilege(system: System) -> str:
    """Name the rights that see everything on a system."""
    return "administrator rights" if system.distribution == "windows" else "root"


def _problem(probe: Probe, observation: Observation) -> str:
    """Say where the facts break the probe's own schema, or return an empty string."""
    named = set(observation.facts) | set(observation.missing)
    if named != set(probe.facts):
        return f"the parser left out or invented facts: {', '.join(sorted(named ^ set(probe.facts)))}"
    for name, value in observation.facts.items():
        if not _is_json(value) or not _validator(probe.id, name).is_valid(value):
            return f"the fact {name} does not have the type that the probe declares"
    return ""


def _is_json(value: Any) -> bool:
    """Whether a fact can be written as JSON in UTF-8: no NaN or infinity, no lone surrogate out of a host's JSON."""
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
    return not isinstance(value, float) or isfinite(value)


@cache
def _validator(probe_id: str, fact: str) -> Any:
    return jsonschema_rs.Draft202012Validator(dict(all_probes()[probe_id].facts[fact]))
