"""The `lab` fixture. A conftest.py elsewhere says `from tests.lab.fixtures import lab  # noqa: F401`."""

import os
from collections.abc import Iterator
from functools import cache

import pytest

from tests.lab.lab import Lab, LabError


@cache
def the_lab() -> Lab:
    """Return the one lab of this test run, however many conftest files import the fixture."""
    return Lab(f"t{os.getpid()}")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Real hosts, booted when a test first asks for them; all gone at the end, also after ^C.

    Where the lab cannot run, its tests are skipped with the reason; with CI=true they fail. The roots are built here
    (a minute or some) only with CI=true; elsewhere, `tests/lab/lab.sh base` does it when its user wants.
    """
    ci = os.environ.get("CI") == "true"
    lab = the_lab()
    try:
        lab.require(build=ci)
    except LabError as error:
        if ci:
            pytest.fail(f"CI must run the lab: {error}", pytrace=False)
        pytest.skip(str(error))
    lab.sweep()
    try:
        yield lab
    finally:
        lab.down()
