"""Reading evidence: whatever does not have the form that it should have is an EvidenceError that says where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hardencheck.errors import EvidenceError

MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
_Read = TypeVar("_Read")


def decode(data: bytes, noun: str, by: Callable[[bytes], _Read]) -> _Read:
    """Return the content decoded; whatever does not fit its form is an EvidenceError about `noun`."""
    try:
        return by(data)
    except MALFORMED as error:
        raise EvidenceError(f"{noun}: it cannot be read ({error})") from error


@contextmanager
def at(place: str) -> Iterator[None]:
    """Say where it was that evidence turned out to be broken, or not to have the form that it should have."""
    try:
        yield
    except EvidenceError as error:
        raise EvidenceError(f"{place}: {error.message}", hint=error.hint) from error
    except MALFORMED as error:
        raise EvidenceError(f"{place}: it cannot be read ({error!r})") from error
