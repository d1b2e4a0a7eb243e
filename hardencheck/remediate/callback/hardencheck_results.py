"""A callback plugin for ansible-playbook: writes what every task did, as one line of JSON each, into a pipe.

Ansible shows nothing else of it: what a host says never comes to where its words could be taken for a result. The pipe
is named by the environment variable HARDENCHECK_RESULTS.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: hardencheck_results
type: stdout
short_description: Writes results into a pipe
description: Writes what every task did, as one line of JSON each, into the pipe that HARDENCHECK_RESULTS names.
"""

#: What is kept of a text, in characters, and of the items of a loop.
TEXT = 4096
ITEMS = 500

#: Arguments of modules that name what they change, the most telling first.
_NAMES = ("dest", "path", "name", "key", "section", "fact_path")
_CONTENT = " (content)"


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Takes the place of what ansible-playbook prints."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "hardencheck_results"

    def __init__(self) -> None:
        super().__init__()
        self._pipe = open(os.environ["HARDENCHECK_RESULTS"], "w", encoding="ascii")  # noqa: SIM115  open until the end

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note a task that went well."""
        self._result("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note a task that failed."""
        self._result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note a host that was lost."""
        self._result("unreachable", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Note a task that a host did not need."""
        self._result("skipped", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Note how every host came out of it; without this line the playbook did not come to its end."""
        body = {
            host: {"failed": stats.failures.get(host, 0), "unreachable": stats.dark.get(host, 0)}
            for host in stats.processed
        }
        self._write({"stats": body})

    def _result(self, state: str, result: Any) -> None:
        # ansible-core up to 2.18 knows them by their private names only
        host, task = (getattr(result, name, None) or getattr(result, f"_{name}") for name in ("host", "task"))
        found = getattr(result, "result", None) or result._result
        line: dict[str, Any] = {"host": host.get_name(), "task": _text(task.get_name()), "state": state}
        line["tags"] = [str(tag) for tag in task.tags][:ITEMS]
        if state in ("failed", "unreachable"):
            line["message"] = _message(found)
        line["changes"] = list(_changes(found))[:ITEMS]
        self._write(line)

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            self._pipe.write(json.dumps(line) + "\n")
            self._pipe.flush()
        except BrokenPipeError:
            # who started this was killed: nobody would take note of what is changed from here on
            os._exit(1)


def _changes(found: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield what a result changed: one by one for the items of a loop, or for the files of one task."""
    items = found.get("results")
    if isinstance(items, list) and any(isinstance(item, Mapping) and "changed" in item for item in items):
        for item in items[:ITEMS]:
            if isinstance(item, Mapping):
                yield from _changes(item)
        return
    if found.get("changed") is not True:
        return
    diffs = found.get("diff") or {}
    diffs = [diff for diff in (diffs if isinstance(diffs, list) else [diffs])[:ITEMS] if isinstance(diff, Mapping)]
    told = [diff for diff in diffs if any(diff.get(key) for key in ("before", "after", "prepared"))]
    for diff in told or [{}]:
        after = diff.get("after") or diff.get("prepared") or ""
        yield {"where": _where(found, diff), "before": _text(diff.get("before") or ""), "after": _text(after)}


def _where(found: Mapping[str, Any], diff: Mapping[str, Any]) -> str:
    """Return the file or other thing that was changed; the header of what was before names the place on the host."""
    header = diff.get("before_header")
    if isinstance(header, str) and header:
        return _text(header.removesuffix(_CONTENT))
    arguments = (found.get("invocation") or {}).get("module_args")
    for source in (found, arguments if isinstance(arguments, Mapping) else {}):
        for name in _NAMES:
            value = source.get(name)
            if isinstance(value, list):
                value = ", ".join(map(str, value))
            if isinstance(value, str) and value:
                return _text(value)
    return ""


def _message(found: Mapping[str, Any]) -> str:
    for item in found.get("results") or ():
        if isinstance(item, Mapping) and item.get("failed"):
            return _message(item)
    said = [found.get(name) for name in ("msg", "module_stderr", "stderr", "reason", "exception")]
    return next((_text(text) for text in said if text), "")


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)
    return str(text)[:TEXT]
