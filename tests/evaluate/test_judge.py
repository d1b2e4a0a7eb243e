"""Every status has its outcome; one known fact that fails decides, one missing fact leaves the rule open."""

from __future__ import annotations

import pytest

from hardencheck.evaluate.judge import judge
from hardencheck.model.baseline import Remediation, Rule
from hardencheck.model.expectation import Expectation
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Outcome, Platform, Severity
from hardencheck.model.probe import JsonSchema

FACTS: dict[str, JsonSchema] = {"length": {"type": ["integer", "null"]}, "enforced": {"type": "boolean"}}
RULE = Rule(
    id="linux-x",
    title="t",
    severity=Severity.HIGH,
    platforms=(Platform.LINUX,),
    theme="password",
    probe="linux.x",
    expect={"length": {"minimum": 15}, "enforced": {"const": True}},
    values=(),
    rationale="",
    references={},
    remediation=Remediation("fix"),
    examples={},
)
EXPECTATION = Expectation(RULE, FACTS, {})


@pytest.mark.parametrize(
    ("observation", "outcome"),
    [
        (Observation.of({"length": 15, "enforced": True}), Outcome.PASS),
        (Observation.of({"length": 8, "enforced": True}), Outcome.FAIL),
        (Observation.of({"length": None, "enforced": True}), Outcome.FAIL),
        (Observation.of({"length": 15}, missing={"enforced": "no PAM"}), Outcome.UNKNOWN),
        (Observation.of({"length": 8}, missing={"enforced": "no PAM"}), Outcome.FAIL),
        (Observation.of({"enforced": False}, missing={"length": "no PAM"}), Outcome.FAIL),
        (Observation.of({}, missing={"length": "a", "enforced": "b"}), Outcome.UNKNOWN),
        (Observation.not_collected("no root"), Outcome.UNKNOWN),
        (Observation.not_applicable("a container"), Outcome.NOTAPPLICABLE),
        (Observation.does_not_exist("no scanner"), Outcome.FAIL),
        (Observation.error("broke"), Outcome.ERROR),
    ],
)
def test_status_to_outcome(observation: Observation, outcome: Outcome) -> None:
    result = judge(RULE, EXPECTATION, observation, "ab")
    assert result.outcome is outcome
    assert result.message, "every outcome says why"


def test_a_failure_reads_like_a_sentence() -> None:
    observation = Observation.of({"length": 8, "enforced": True}, {"length": "/etc/pam.d/x:25, argument minlen=8"})
    result = judge(RULE, EXPECTATION, observation, None)
    assert result.message == "length: found 8, expected at least 15 (read from /etc/pam.d/x:25, argument minlen=8)"
    assert result.reasons[0].observed == 8
