"""OpenSCAP and Lynis as oracles: where they say otherwise, the page says why, and says nothing that is not so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.fixtures import lab  # noqa: F401  the fixture
from tests.lab.lab import Lab
from tests.oracle import peers
from tests.oracle.__main__ import judged, page

DOCS = Path(__file__).parents[2] / "docs" / "oracle.md"
Verdicts = tuple[dict[str, dict[str, str]], dict[str, list[peers.Answer]]]


@pytest.fixture(scope="module")
def verdicts(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:  # noqa: F811  the fixture
    """All three tools on the same hosts."""
    return judged(lab, tmp_path_factory.mktemp("oracle"))


def test_every_difference_is_argued(verdicts: Verdicts) -> None:
    silent = [each for each in peers.differences(*verdicts) if not each.why]
    assert not silent, "\n".join(map(str, silent))


def test_no_argument_is_without_its_difference(verdicts: Verdicts) -> None:
    seen = {(each.answer.check, each.answer.outcome, each.ours) for each in peers.differences(*verdicts)}
    argued = {(entry["check"], entry["theirs"], entry["ours"]) for entry in peers.load("differences.yaml")}
    assert not argued - seen


def test_the_page_is_what_the_hosts_give(verdicts: Verdicts) -> None:
    assert DOCS.read_text() == page(*verdicts), "run make oracle"


def test_most_answers_agree(verdicts: Verdicts) -> None:
    answers = sum(map(len, verdicts[1].values()))
    assert len(peers.differences(*verdicts)) < answers / 2, "a mapping that mostly disagrees compares other questions"
