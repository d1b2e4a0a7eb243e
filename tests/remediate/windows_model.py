"""A Windows host that answers the guard's scripts as its PowerShell is meant to, in Python: no PowerShell runs here.

It shows that controller and script agree about the exchange, and never that Windows obeys.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from hardencheck.transport.bootstrap import BOOTSTRAP
from tests.playbooks.windows_host import WindowsHost
from tests.winlab.shells import CLIXML_PROGRESS, Request, Result

#: noun and name of a thing, and all that it says
Things = dict[tuple[str, str], str]
_VARIABLE = re.compile(r"^\$Hc(\w+) = (?:'([^'\n]*)'|(\d+|\$true|\$false)|@'\n(.*?)\n'@)$", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"\nInvoke-HcGuard '(\w+)'\n\Z")


def guards(request: Request) -> bool:
    """Say whether a request is one of the guard's."""
    return (request.script or "").strip() == BOOTSTRAP.strip() and b"\nInvoke-HcGuard '" in request.stdin


@dataclass
class Kept:
    """What a host keeps of one run; `mark` says how far it is."""

    touched: list[str]
    before: Things
    revert: str
    manifest: list[str]
    mark: str = ""
    after: list[str] | None = None


@dataclass
class GuardedWindows:
    """The guard of one host, whose registry and services are those that Ansible changes (`host`).

    `runs` holds what is kept, `armed` the runs with a timer, which a test lets run out with `revert`; `stuck` are names
    of what cannot be put back.
    """

    host: WindowsHost = field(default_factory=WindowsHost)
    runs: dict[str, Kept] = field(default_factory=dict)
    undone: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    stuck: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Result:
        """Answer one script."""
        text = request.stdin.decode("ascii")
        call = _CALL.search(text)
        assert call, "half a script does nothing"
        given = {name: word or number or block for name, word, number, block in _VARIABLE.findall(text)}
        self.asked.append(call[1])
        try:
            word, lines = getattr(self, f"_{call[1]}")(given)
        except LookupError as error:
            said = f"hardencheck-guard 1 error {given['Run']}\n{error.args[0]}\nend error\n"
            return Result(said.encode(), CLIXML_PROGRESS)
        whole = [f"hardencheck-guard 1 {word} {given['Run']}", *lines, f"end {len(lines)}", ""]
        return Result("\n".join(whole).encode(), CLIXML_PROGRESS)

    @property
    def armed(self) -> list[str]:
        """The runs that wait for their confirmation."""
        return [run for run, kept in self.runs.items() if kept.mark == "armed"]

    def revert(self) -> None:
        """Do what the task does when its time has come."""
        for run in self.armed:
            kept = self.runs[run]
            self._restore(kept, None, force=False)
            kept.mark, kept.after = "reverted", self._lines(kept.touched)

    def _begin(self, given: dict[str, str]) -> tuple[str, list[str]]:
        if any(self.runs[run].mark == "armed" for run in self.runs if run != given["Run"]):
            raise LookupError("another run waits here for its confirmation")
        if given["Run"] not in self.runs:
            touched = given["Touched"].splitlines()
            revert = f"$HcRun = '{given['Run']}'\n{given['Program']}\nInvoke-HcRevert\n"
            told = [f"touched {line}" for line in touched] + self._lines(touched)
            manifest = [*told, f"revert {hashlib.sha256(revert.encode()).hexdigest()}"]
            self.runs[given["Run"]] = Kept(touched, self.things(touched), revert, manifest)
        kept = self.runs[given["Run"]]
        if int(given["Timer"]):
            kept.mark = kept.mark or "armed"
        return "begin", kept.manifest

    def _confirm(self, given: dict[str, str]) -> tuple[str, list[str]]:
        kept = self._kept(given)
        if kept.mark != "reverted":
            kept.mark = "confirmed"
            kept.after = kept.after or self._lines(kept.touched)
        return kept.mark, kept.after or []

    def _undo(self, given: dict[str, str]) -> tuple[str, list[str]]:
        if given["Run"] in self.undone:
            return "undo", self.undone[given["Run"]]
        kept = self._kept(given)
        if _sha("".join(f"{line}\n" for line in kept.manifest)) != given["Expected"]:
            raise LookupError("the list of what was there before is not the one that the run began with")
        said = self._restore(kept, kept.after, force=given["Force"] == "$true")
        if not any(line.startswith("left ") for line in said):
            del self.runs[given["Run"]]
            said = self.undone[given["Run"]] = [*said, "cleared"]
        return "undo", said

    def _kept(self, given: dict[str, str]) -> Kept:
        if given["Run"] not in self.runs:
            raise LookupError("nothing is kept here of this run")
        return self.runs[given["Run"]]

    def things(self, touched: Iterable[str]) -> Things:
        """Return all that is touched, as it is now."""
        found: Things = {}
        for line in touched:
            kind, _, name = line.partition(" ")
            if kind == "service":
                found["service", name] = self.host.services.get(name, "auto running")
            else:
                assert kind == "registry", f"not modelled: {line}"
                values = {at: value for at, value in self.host.registry.items() if at[0] == name and value}
                parts = name.split("\\")
                for end in range(3, len(parts)):
                    found["key", "\\".join(parts[:end])] = "present"
                found["key", name] = "present" if values else "absent"
                for (_, value_name), value in values.items():
                    found["value", f"{name} [{value_name}]"] = json.dumps(value)
        return found

    def _lines(self, touched: Iterable[str]) -> list[str]:
        return [
            f"setting {noun} {_state(noun, text)} {_sha(text)} {name}"
            for (noun, name), text in self.things(touched).items()
        ]

    def _restore(self, kept: Kept, after: list[str] | None, *, force: bool) -> list[str]:
        now = self.things(kept.touched)
        left = {tuple(line.split(" ", 4)[i] for i in (1, 4)): line.split(" ", 4)[3] for line in after or []}
        said = []
        for noun, name in dict.fromkeys([*kept.before, *now]):
            before, found = (things.get((noun, name), "absent") for things in (kept.before, now))
            known = left.get((noun, name), _sha("absent"))
            if found == before or (after is not None and known == _sha(before)):
                continue
            if after is not None and known != _sha(found) and not force:
                said.append(f"left {noun} changed-since {name}")
            elif name in self.stuck:
                said.append(f"left {noun} not-restored {name}")
            else:
                self._put(noun, name, before)
                said.append(f"restored {noun} {name}")
        return said

    def _put(self, noun: str, name: str, text: str) -> None:
        if noun == "service":
            self.host.services.pop(name)
        elif noun == "value":
            at = tuple(name.removesuffix("]").split(" ["))
            self.host.registry.pop((at[0], at[1]), None)
            if text != "absent":
                kind, data = json.loads(text)
                self.host.registry[at[0], at[1]] = (kind, data)


def _state(noun: str, text: str) -> str:
    if noun == "service":
        return text.replace(" ", ",")
    return "absent" if text == "absent" else "present"


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
