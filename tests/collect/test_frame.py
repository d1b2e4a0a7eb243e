"""The frame parser against bytes that lie: it never crashes, never mixes sections, never calls half an answer whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hardencheck.collect.frame import split
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe

NONCE = "0123456789abcdef" * 2


def _parse(capture: Capture, context: Context) -> Observation:
    return Observation.of({})


PROBES = [Probe(f"linux.{name}", name, Platform.LINUX, "", {}, _parse, max_bytes=100) for name in "abc"]


def section(name: str, stdout: bytes, stderr: bytes = b"", status: int = 0, nonce: str = NONCE) -> bytes:
    tail = stderr + b"rc=%d" % status
    body = stdout + tail + b"%06d" % len(tail)
    return f"HC1 {nonce} {name} {len(body)}\n".encode() + body + b"\n"


def end(count: int, nonce: str = NONCE) -> bytes:
    return f"HC1 {nonce} end {count}\n".encode()


GOOD = section("linux.a", b"alpha\n") + section("linux.b", b"", b"oops\n", 2) + section("linux.c", b"x" * 100) + end(3)


def test_whole_answer() -> None:
    frames = split(b"Welcome!\n" + GOOD, NONCE, PROBES)
    assert frames.complete
    assert frames.captures["linux.a"] == Capture("linux.a", b"alpha\n")
    assert frames.captures["linux.b"] == Capture("linux.b", b"", b"oops\n", 2)
    assert not frames.captures["linux.c"].truncated


@given(st.integers(0, len(GOOD) - 1))
def test_an_answer_cut_anywhere_is_never_complete(cut: int) -> None:
    frames = split(GOOD[:cut], NONCE, PROBES)
    assert not frames.complete
    whole = split(GOOD, NONCE, PROBES).captures
    assert all(whole[name] == capture for name, capture in frames.captures.items())


@given(st.binary(max_size=300))
def test_content_cannot_forge_a_section(content: bytes) -> None:
    forged = section("linux.b", b"forged") + end(1) + content
    frames = split(section("linux.a", forged[:100]) + section("linux.b", b"real") + end(2), NONCE, PROBES)
    assert frames.captures["linux.a"].stdout == forged[:100]
    assert frames.captures["linux.b"].stdout == b"real"
    assert frames.complete


@given(st.binary(max_size=500), st.integers(0, len(GOOD)))
def test_no_bytes_crash_it(noise: bytes, position: int) -> None:
    frames = split(GOOD[:position] + noise + GOOD[position:], NONCE, PROBES)
    assert set(frames.captures) <= {"linux.a", "linux.b", "linux.c"}


def test_a_section_that_comes_twice_or_was_not_asked_for_ends_the_reading() -> None:
    twice = section("linux.a", b"1") + section("linux.a", b"2") + section("linux.b", b"3") + end(3)
    assert not split(twice, NONCE, PROBES).complete
    assert split(twice, NONCE, PROBES).captures == {"linux.a": Capture("linux.a", b"1")}
    stranger = section("linux.z", b"1") + section("linux.a", b"2") + end(2)
    assert split(stranger, NONCE, PROBES).captures == {}


def test_a_section_longer_than_its_limit_is_refused() -> None:
    frames = split(section("linux.a", b"x" * 102) + end(1), NONCE, PROBES)
    assert "linux.a" in frames.refused
    assert not frames.captures


def test_another_connections_nonce_is_noise() -> None:
    other = "f" * 32
    assert split(section("linux.a", b"1", nonce=other) + end(1, nonce=other), NONCE, PROBES).captures == {}


def test_time_outs_are_told_from_failures() -> None:
    frames = split(section("linux.a", b"", b"", 124) + section("linux.b", b"", b"", 137) + end(2), NONCE, PROBES)
    assert frames.captures["linux.a"].timed_out
    assert frames.captures["linux.b"].timed_out
