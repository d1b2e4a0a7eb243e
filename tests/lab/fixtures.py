"""The `lab` fixture. A conftest.py elsewhere says `from tests.lab.fixtures import lab  # noqa: F401`."""

import os
from collections.abc import Iterator
from functools import cache

import pytest

from tests.lab.lab import Lab, LabError
from tests.tools import need


@cache
def the_lab() -> Lab:
    """Return the one lab of this test run, however many conftest files import the fixture."""
    return Lab(f"t{os.getpid()}")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Real hosts, booted when a test first asks for them; all gone at the end, also after ^C.

    Where the lab cannot run, its tests are skipped with the reason; with CI=true they fail. Its roots are built here,
    once per machine (a minute or some).
    """
    lab = the_lab()
    try:
        lab.require(build=True)
    except LabError as error:
        need(str(error))
    lab.sweep()
    try:
        yield lab
    finally:
        lab.down()
