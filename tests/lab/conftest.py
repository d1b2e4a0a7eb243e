"""The lab's own tests use its fixture as everybody else does."""

from tests.lab.fixtures import lab

__all__ = ["lab"]
