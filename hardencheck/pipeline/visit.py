"""One host's answer on its way through the stages: sealed first, then read, then judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hardencheck.collect.gather import Answer, Collected
from hardencheck.errors import TransportError
from hardencheck.evaluate.assess import Assessor, Subject
from hardencheck.evidence.seal import Sealed, seal
from hardencheck.evidence.secrets import secret_in, sections_with_secrets
from hardencheck.model.capture import Ended, Exchange
from hardencheck.model.host import Host
from hardencheck.model.manifest import Manifest
from hardencheck.model.outcome import HostState
from hardencheck.model.probe import Probe
from hardencheck.model.roster import Roster
from hardencheck.model.sweep import HostResult

LABELS = ("client", "process_unit", "site", "owner")


def pending(host: Host) -> HostResult:
    """Return the result of a host that is in scope but not visited yet."""
    labels = {name: value for name in LABELS if (value := getattr(host, name))}
    return HostResult(host.name, HostState.PENDING, labels=labels, groups=host.groups, platform=host.platform)


def visit(assessor: Assessor, collected: Collected, asked: tuple[Probe, ...]) -> tuple[HostResult, Mapping[str, bytes]]:
    """Return one host's result and the blobs that prove it."""
    host = collected.host
    subject, base = Subject(host.name, host.groups, host.process_unit or "", host.platform), pending(host)
    if isinstance(collected.answer, TransportError):
        message = collected.answer.message + (f"; {collected.answer.hint}" if collected.answer.hint else "")
        reason, results = collected.answer.reason, assessor.not_reached(subject, message)
        return replace(base, state=HostState.UNREACHABLE, reason=reason, message=message, results=results), {}
    sealed = _sealed(host, collected.answer, asked, assessor.roster)
    assessed = assessor.assess(subject, sealed.manifest, sealed.captures)
    result = replace(
        base,
        state=assessed.state,
        reason=assessed.reason,
        message=assessed.message,
        system=assessed.system,
        skew=_skew(assessed.epoch, collected),
        duration=round(collected.finished - collected.started, 3),
        manifest=sealed.digest,
        results=assessed.results,
    )
    return result, sealed.blobs


def without_secrets(collected: Collected) -> Collected:
    """Return an answer without the sections that hold what looks like a secret; each is marked as refused."""
    if isinstance(collected.answer, TransportError):
        return collected
    frames, exchange = collected.answer.frames, collected.answer.exchange
    kinds = sections_with_secrets(frames.captures)
    held = {name: f"its answer held what looks like {kind}, and was not kept" for name, kind in kinds.items()}
    if secret_in(exchange.stderr):
        exchange = replace(exchange, stderr=b"")
    kept = {name: capture for name, capture in frames.captures.items() if name not in held}
    answer = Answer(replace(frames, captures=kept, refused=frames.refused | held), exchange)
    return replace(collected, answer=answer)


def _sealed(host: Host, answer: Answer, asked: tuple[Probe, ...], roster: Roster | None) -> Sealed:
    frames, ended = answer.frames, answer.exchange.ended
    if ended is Ended.CLOSED and frames.captures and not frames.complete:
        ended = Ended.LOST
    absent = dict(frames.refused)
    if ended is Ended.CLOSED:
        absent |= {p.id: "its section did not arrive" for p in asked if p.id not in frames.captures | absent}
    manifest = Manifest(host.name, ended, {}, absent, _said(answer.exchange), roster.digest if roster else None)
    return seal(manifest, frames.captures)


def _said(exchange: Exchange) -> str:
    """Return what sudo, or the login shell, said on stderr: the last line, for the host's message."""
    lines = [line for line in exchange.stderr.decode("utf-8", "backslashreplace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _skew(epoch: int | None, collected: Collected) -> float | None:
    """Return how far the host's clock lies outside the time in which it was asked, in seconds."""
    if epoch is None:
        return None
    return round(epoch - min(max(float(epoch), int(collected.started)), collected.finished), 1)
