"""Records one probe as a case for tests/data/probes: python -m tests.probes.record linux.sshd [COMMAND...]

COMMAND is what runs a shell on the host to record, `sh -s` (this machine) unless given; for a lab host
`tests/lab/lab.sh sh good sh -s`. Read what you commit: shorten it, and leave no secret in it.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import yaml

from hardencheck.baselines.load import load
from hardencheck.collect.frame import split
from hardencheck.collect.script import build, new_nonce
from hardencheck.evaluate.observe import observe
from hardencheck.model.probe import Context, System
from hardencheck.probes import all_probes
from hardencheck.probes.linux.platform import system
from hardencheck.probes.output import read


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def record(probe_id: str, command: list[str]) -> dict[str, Any]:
    """Return the case of one probe as it is on that host now."""
    asked = all_probes()
    script, nonce = build([asked[probe_id], asked["linux.platform"]]), new_nonce()
    values = load("bpo-core").values_for("", ())
    done = subprocess.run(command, input=script.payload(nonce, values), capture_output=True, check=False)
    captures = split(done.stdout, nonce, script.probes).captures
    now = datetime.now(UTC).replace(microsecond=0)
    about = observe(asked["linux.platform"], captures["linux.platform"], Context(now, System()))
    observation = observe(asked[probe_id], captures[probe_id], Context(now, system(about), values))
    output = read(captures[probe_id])
    case = {
        "case": "name-me",
        "from": f"recorded on {about.facts.get('pretty')}, {now:%Y-%m-%d}",
        "now": now,
        "runs": {label: {"text": run.text, "status": run.status} for label, run in output.runs.items()},
        "files": output.files,
        **{kind: sorted(getattr(output, kind)) for kind in ("absent", "unreadable", "special", "dangling")},
        "status": observation.status.value,
        "facts": dict(observation.facts),
        "missing": sorted(observation.missing),
        "reason": observation.reason,
    }
    return {key: value for key, value in case.items() if value}


if __name__ == "__main__":
    found = record(sys.argv[1], sys.argv[2:] or ["sh", "-s"])
    yaml.dump(found, sys.stdout, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
