"""What came of a run on each host, from the lines that the callback plugin writes; every text is bounded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hardencheck.model.host import Host
from hardencheck.model.remediation import Change, HostRun, RunState

#: What is kept of one side of a change, of a message, and of the changes of one host.
TEXT_BYTES = 4096
MESSAGE = 500
CHANGES = 1000

#: Tags that say when a task runs, not which rule it serves.
_SPECIAL = frozenset({"always", "never"})

#: A secret that is shorter would take half the text away; Ansible keeps to itself those that it knows.
_SHORTEST_SECRET = 4


@dataclass
class _Course:
    """How one host has fared so far."""

    seen: bool = False
    state: RunState | None = None
    message: str = ""
    changes: list[Change] = field(default_factory=list)


class Results:
    """Takes in lines, and answers for every host; `hosts` are those that Ansible knows, by their aliases."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._courses = {alias: _Course() for alias in hosts}
        self._hosts = hosts
        self._secrets = _secrets(hosts.values())
        self._ended = False

    def take(self, line: bytes) -> None:
        """Take in one line; what is no such line counts for nothing."""
        try:
            body = json.loads(line)
            if "stats" in body:
                self._end(body["stats"])
            else:
                self._task(body)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return

    def answers(self, why: str) -> dict[str, HostRun]:
        """Return every host's answer by its name; `why` says why a run ended that did not come to its end."""
        return {self._hosts[alias].name: self._answer(alias, why) for alias in self._hosts}

    def _answer(self, alias: str, why: str) -> HostRun:
        course, name = self._courses[alias], self._hosts[alias].name
        changes = tuple(course.changes)
        if course.state is not None:
            return HostRun(name, course.state, changes, course.message)
        if not course.seen:
            return HostRun(name, RunState.NOT_RUN, changes, self._line(why) or "no task of the playbook ran here")
        if not self._ended:
            return HostRun(name, RunState.FAILED, changes, self._line(why) or "the playbook was stopped half-way")
        return HostRun(name, RunState.OK, changes)

    def _task(self, body: Mapping[str, Any]) -> None:
        course = self._courses[body["host"]]
        course.seen = True
        rules = tuple(sorted(set(body["tags"]) - _SPECIAL))
        for change in body["changes"]:
            if len(course.changes) < CHANGES:
                before, after = (self._text(change[side]) for side in ("before", "after"))
                course.changes.append(
                    Change(self._line(body["task"]), rules, self._line(change["where"]), before, after)
                )
        if body["state"] in ("failed", "unreachable"):
            # a rescued failure is none: which it was, the last line of the run tells
            course.state = RunState.FAILED if body["state"] == "failed" else RunState.UNREACHABLE
            course.message = self._line(f"{body['task']}: {body.get('message', '')}".rstrip(": "))

    def _end(self, stats: Mapping[str, Mapping[str, int]]) -> None:
        self._ended = True
        for alias, course in self._courses.items():
            counts = stats.get(alias, {})
            if counts.get("unreachable"):
                course.state = RunState.UNREACHABLE
            elif counts.get("failed"):
                course.state = RunState.FAILED
            elif alias in stats:
                course.state, course.seen, course.message = None, True, ""

    def _line(self, text: Any) -> str:
        return " ".join(self._clean(text).split())[:MESSAGE]

    def _text(self, text: Any) -> str:
        return self._clean(text).encode()[:TEXT_BYTES].decode("utf-8", "ignore")

    def _clean(self, text: Any) -> str:
        """Return the text without what UTF-8 cannot hold, and without what we logged in with."""
        found = str(text).encode("utf-8", "replace").decode()
        for secret in self._secrets:
            found = found.replace(secret, "***")
        return found


def _secrets(hosts: Collection[Host]) -> list[str]:
    held = [host.password for host in hosts] + [host.become.password for host in hosts if host.become]
    shown = {secret.reveal() for secret in held if secret is not None}
    return sorted((secret for secret in shown if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True)
