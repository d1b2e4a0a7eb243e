"""A Windows host that answers the collector out of recorded captures, as its PowerShell would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.outcome import Status
from hardencheck.transport.bootstrap import BOOTSTRAP
from tests.probes.cases import all_cases
from tests.winlab.shells import CLIXML_PROGRESS, Request, Result

_NONCE = re.compile(rb"\A\$HcNonce = '([0-9a-f]{32})'\r?\n")
_SECTION = re.compile(rb"^Invoke-HcSection (\S+) \d+ \d+ @'\r?$", re.MULTILINE)


@dataclass(frozen=True)
class Machine:
    """One host: what each probe's section holds there, and the language mode of its PowerShell.

    A section without a capture fails as a script would that throws: no output, status 1.
    """

    captures: Mapping[str, Capture]
    language: str = "FullLanguage"

    def __call__(self, request: Request) -> Result:
        """Answer one command: the collector, or what cmd.exe says of anything else."""
        if request.script is None or request.script.strip() != BOOTSTRAP.strip():
            return Result(stderr=b"'?' is not recognized as an internal or external command,\r\n", rc=1)
        found = _NONCE.match(request.stdin)
        nonce = found[1].decode() if found else ""
        if self.language != "FullLanguage":
            return Result(self._constrained(nonce), CLIXML_PROGRESS)
        names = [name.decode() for name in _SECTION.findall(request.stdin)]
        sections = b"".join(self._section(nonce, name) for name in names)
        return Result(sections + f"HC1 {nonce} end {len(names)}\n".encode(), CLIXML_PROGRESS)

    def _section(self, nonce: str, name: str) -> bytes:
        capture = self.captures.get(name) or Capture(name, b"", b"System.InvalidOperationException: ?", 1)
        tail = capture.stderr + f"rc={capture.exit_status}".encode()
        body = capture.stdout + tail + f"{len(tail):06d}".encode()
        return f"HC1 {nonce} {name} {len(body)}\n".encode() + body + b"\n"

    def _constrained(self, nonce: str) -> bytes:
        """Write what the bootstrap writes where it may not run the script: texts, with the console's line ends."""
        body = f'{{"i":"language","ok":true,"v":"{self.language}"}}\r\n{{"i":"@end"}}\r\nrc=0000004'
        return f"HC1 {nonce} windows.platform {len(body)}\r\n{body}\r\nHC1 {nonce} end 1\r\n".encode()


def like(platform: str, chosen: Mapping[str, str]) -> Machine:
    """Return a machine of the kind that a case of windows.platform describes, with these cases of other probes.

    `chosen` maps a probe's id to the name of a case. What is not chosen is the first case of its probe that is complete
    and comes from a machine of the same role.
    """
    cases = [case for case in all_cases() if case.probe_id.startswith("windows.")]
    wanted = {"windows.platform": platform, **chosen}
    found = {case.probe_id: case.capture for case in cases if wanted.get(case.probe_id) == case.name}
    assert found.keys() == wanted.keys(), f"no such case: {wanted.keys() - found.keys()}"
    role = next(case.facts["role"] for case in cases if case.name == platform)
    for case in cases:
        if case.status is Status.COMPLETE and case.context.system.windows.role == role:
            found.setdefault(case.probe_id, case.capture)
    return Machine(found)
