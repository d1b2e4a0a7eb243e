"""Runs a playbook on hosts with ansible-runner: the hosts that a sweep would reach, by the same keys and no others.

Secrets are in this process, in pipes, and in the processes of Ansible; never in a file, an argument or an environment.
All files of a run lie in a private folder in memory (see `private`), which goes with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from hardencheck.errors import RemediationError, TransportError, Unreachable
from hardencheck.model.host import Host
from hardencheck.model.remediation import HostRun, RunState
from hardencheck.remediate import ansible_vars, private
from hardencheck.remediate.ansible_play import play
from hardencheck.remediate.connections import Connections, named
from hardencheck.remediate.environment import furnish, program
from hardencheck.remediate.pipes import heard, offered
from hardencheck.remediate.private import sweep_orphans
from hardencheck.remediate.results import Results
from hardencheck.remediate.ssh_config import Trust
from hardencheck.resources import shipped
from hardencheck.transport.guard import CredentialGuard

__all__ = ["Job", "Runner", "sweep_orphans"]

_RULE = re.compile(r"[a-z0-9][a-z0-9-]*")

#: What Ansible takes for an inventory script: it prints the pipe's content, and knows no host by itself.
_SCRIPT = '#!/bin/sh\ncase $1 in --list) exec cat "{pipe}" ;; *) echo "{{}}" ;; esac\n'


@dataclass(frozen=True, slots=True)
class Job:
    """One playbook below the folder of them (`ssh/sshd.yml`), for exactly these rules, on these hosts.

    `values` are, by the name of a host, the values that the playbook reads.
    """

    playbook: str
    rules: tuple[str, ...]
    hosts: tuple[Host, ...]
    values: Mapping[str, Mapping[str, Any]]


class Runner:
    """Runs jobs one after the other, inside a `with` block; its private folder goes at the end of it.

    `pins` is hardencheck's own known_hosts file. `guard` decides who may try a password to log in; set it to the one of
    the sweep, which knows of suspensions.
    """

    guard: CredentialGuard

    def __init__(
        self,
        pins: Path,
        *,
        folder: Path | None = None,
        playbooks: Path | None = None,
        forks: int = 20,
        timeout: float = 900,
    ) -> None:
        self._pins = pins
        self._parent = folder
        self._playbooks = playbooks or shipped("playbooks")
        self._forks = forks
        self._timeout = timeout
        self.guard = CredentialGuard()
        self._folder: Path | None = None
        self._numbers = count()

    def __enter__(self) -> Runner:
        self._folder = private.create(self._parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            private.remove(self._folder)
            self._folder = None

    def run(self, job: Job, *, check: bool, within: float | None = None) -> dict[str, HostRun]:
        """Run a job and return what came of it on every host; with `check`, say only what it would change.

        `within` is how many seconds it may take where that is less than what any job may.
        Raises RemediationError when the job cannot be run as it is; nothing was sent to any host then.
        """
        if self._folder is None:
            raise RemediationError("a Runner runs jobs inside its `with` block only")
        playbook = self._playbook(job)
        for host in job.hosts:
            ansible_vars.values(job.values.get(host.name, {}))
        folder = self._folder / f"r{next(self._numbers)}"
        folder.mkdir(mode=0o700)
        try:
            arguments = ["--check"] if check else []
            return self._run(job, [*arguments, str(playbook)], folder, min(self._timeout, within or self._timeout))
        finally:
            private.remove(folder)

    def _playbook(self, job: Job) -> Path:
        whole = self._playbooks.resolve()
        path = (whole / job.playbook).resolve()
        if not path.is_relative_to(whole) or not path.is_file():
            raise RemediationError(f"playbook {job.playbook}: there is none of this name")
        # without a tag, the whole playbook would be run
        if not job.rules or not all(_RULE.fullmatch(rule) for rule in job.rules):
            raise RemediationError(f"playbook {job.playbook}: expected the ids of the rules to run it for")
        names = [host.name for host in job.hosts]
        if len(set(names)) != len(names):
            raise RemediationError(f"playbook {job.playbook}: a host is named twice")
        return path

    def _run(self, job: Job, words: list[str], folder: Path, seconds: float) -> dict[str, HostRun]:
        environment = furnish(folder)
        hosts = named(job.hosts)
        connections = Connections(Trust(folder, self._pins), environment, self.guard)
        try:
            variables, lost = _variables(job, hosts, connections, environment)
            found = {hosts[alias].name: run for alias, run in lost.items()}
            if variables:
                results = Results({alias: hosts[alias] for alias in variables})
                arguments = ["--diff", "--tags", ",".join(job.rules), "--forks", str(self._forks)]
                arguments += ["-i", str(folder / "hosts"), *words]
                environment["HARDENCHECK_RESULTS"] = str(folder / "results")
                _write_script(folder)
                with (
                    offered(folder / "inventory", ansible_vars.inventory(variables)),
                    heard(folder / "results", results.take),
                ):
                    why = play(folder, environment, arguments, seconds)
                found |= results.answers(why)
            return {host.name: found[host.name] for host in job.hosts}
        finally:
            connections.close()


def _variables(
    job: Job, hosts: Mapping[str, Host], connections: Connections, environment: dict[str, str]
) -> tuple[dict[str, dict[str, Any]], dict[str, HostRun]]:
    """Connect, and return the variables of the hosts that can be run on, and the answers of those that cannot."""
    failures: dict[str, TransportError] = {}
    found: dict[str, dict[str, Any]] = {}
    remote: dict[str, Host] = {}
    for alias, host in hosts.items():
        try:
            if host.problem is not None:
                raise Unreachable(host.problem)
            if host.connection in ("ssh", "winrm"):
                remote[alias] = host
            elif host.connection == "local":
                found[alias] = ansible_vars.local(host)
            else:
                raise Unreachable(f"a host by {host.connection} cannot be changed")
        except TransportError as error:
            failures[alias] = error
    connections.open(remote)
    failures |= connections.failures
    for alias, host in remote.items():
        if alias in connections.files:
            found[alias] = ansible_vars.ssh(host, connections.files[alias], program("ssh", environment))
        elif alias not in failures:
            found[alias] = ansible_vars.winrm(host)
    lost = {
        alias: HostRun(hosts[alias].name, RunState.UNREACHABLE, message=" ".join(error.message.split()))
        for alias, error in failures.items()
    }
    values = {alias: ansible_vars.values(job.values.get(hosts[alias].name, {})) for alias in found}
    return {alias: found[alias] | values[alias] for alias in hosts if alias in found}, lost


def _write_script(folder: Path) -> None:
    script = folder / "hosts"
    with suppress(FileExistsError):
        script.touch(mode=0o700)
    script.write_text(_SCRIPT.format(pipe=folder / "inventory"))
