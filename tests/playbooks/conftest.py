"""Real lab hosts for the tests of playbooks."""

from tests.lab.fixtures import lab  # noqa: F401  the fixture
