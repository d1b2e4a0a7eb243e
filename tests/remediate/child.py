"""Runs one playbook where the lab's hosts can be reached, in a process of its own: JSON in, a line of JSON per run."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hardencheck.model.host import Become, Host, Jump, Secret
from hardencheck.remediate.runner import Job, Runner


def host(body: dict[str, Any]) -> Host:
    secret = body.pop("password", None)
    become = body.pop("become", None)
    jumps = tuple(Jump(*hop) for hop in body.pop("jumps", ()))
    return Host(
        **{**body, "known_hosts": tuple(body.get("known_hosts", ()))},
        password=None if secret is None else Secret(secret),
        become=None if become is None else Become("root", Secret(become) if become else None),
        jumps=jumps,
    )


def main() -> None:
    asked = json.load(sys.stdin)
    hosts = tuple(host(body) for body in asked["hosts"])
    job = Job(asked["playbook"], tuple(asked["rules"]), hosts, asked["values"])
    folder = Path(asked["folder"]) if asked.get("folder") else None
    with Runner(
        Path(asked["pins"]), playbooks=Path(asked["playbooks"]), folder=folder, timeout=asked.get("timeout", 300)
    ) as it:
        for check in asked["check"]:
            found = it.run(job, check=check)
            print(json.dumps({name: asdict(run) for name, run in found.items()}), flush=True)


if __name__ == "__main__":
    main()
