"""What a run says is taken for what it is, whatever a host makes it say, and never without bounds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hardencheck.model.host import Become, Host, Secret
from hardencheck.model.remediation import RunState
from hardencheck.remediate.results import CHANGES, MESSAGE, TEXT_BYTES, Results

HOSTS = {
    "h0": Host("desk", "desk", password=Secret("open sesame"), become=Become("root", Secret("open"))),
    "h1": Host("other", "other"),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["stats", "host", "task", "tags", "state", "changes", "where", "before", "after", "h0"]), inner
    ),
    max_leaves=12,
)  # fmt: skip


def line(**more: Any) -> bytes:
    whole = {"host": "h0", "task": "Task", "state": "ok", "tags": ["rule-a", "always"], "changes": []}
    return json.dumps(whole | more).encode()


def change(**more: str) -> dict[str, str]:
    return {"where": "/etc/x", "before": "", "after": ""} | more


@given(st.lists(st.binary() | JSON.map(lambda body: json.dumps(body).encode()), max_size=5))
def test_no_line_is_the_end_of_it(lines: list[bytes]) -> None:
    results = Results(HOSTS)
    for each in lines:
        results.take(each)
    assert set(results.answers("why")) == {"desk", "other"}


def test_everything_is_bounded_and_can_be_written() -> None:
    results = Results(HOSTS)
    results.take(line(changes=[change(before="\u20ac" * 9000, after="\ud800")] * (CHANGES + 5)))
    results.take(line(state="failed", message="m\x1b\n" * 9000))
    found = results.answers("")["desk"]
    assert len(found.changes) == CHANGES
    assert len(found.changes[0].before.encode()) <= TEXT_BYTES
    assert found.changes[0].after == "?"
    assert len(found.message) == MESSAGE
    assert "\n" not in found.message


def test_what_we_log_in_with_is_not_repeated() -> None:
    results = Results(HOSTS)
    results.take(line(changes=[change(after="is: open sesame!")]))
    assert results.answers("")["desk"].changes[0].after == "is: ***!"


def test_a_failure_counts_unless_it_was_rescued() -> None:
    results = Results(HOSTS)
    results.take(line(state="failed", message="no"))
    results.take(line(host="h1", state="failed", message="no"))
    results.take(line(stats={"h0": {"failed": 0, "unreachable": 0}, "h1": {"failed": 1, "unreachable": 0}}))
    found = results.answers("")
    assert (found["desk"].state, found["desk"].message) == (RunState.OK, "")
    assert (found["other"].state, found["other"].message) == (RunState.FAILED, "Task: no")


def test_a_run_that_was_stopped_has_failed_where_it_had_begun() -> None:
    results = Results(HOSTS)
    results.take(line(changes=[change()]))
    found = results.answers("stopped after 5 s")
    assert (found["desk"].state, found["desk"].message) == (RunState.FAILED, "stopped after 5 s")
    assert len(found["desk"].changes) == 1
    assert (found["other"].state, found["other"].message) == (RunState.NOT_RUN, "stopped after 5 s")
