"""What system this is and as whom we look: asked on every Linux host.

Reads: /etc/os-release (else /usr/lib/os-release), uname, /proc/1/comm, container hints (/run/systemd/container,
/.dockerenv, /run/.containerenv), `date`, `id`.
Needs: nothing.
Facts: distribution, like, version, codename, pretty (os-release's ID, ID_LIKE, VERSION_ID, VERSION_CODENAME,
PRETTY_NAME), kernel_name, kernel, machine, container (technology or null), uid, epoch (seconds), hostname.
Absent when: the host has no os-release: the release facts are missing.
"""

from __future__ import annotations

import shlex

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, System
from hardencheck.probes.output import Output, read

SCRIPT = r"""
if [ -r /etc/os-release ]; then files /etc/os-release; else files /usr/lib/os-release; fi
run uname uname -srm
run uid id -u
run epoch date +%s
files /run/systemd/container /.dockerenv /run/.containerenv
run virt systemd-detect-virt --container
environ() { tr '\000' '\012' </proc/1/environ | grep '^container='; }
run environ environ
run hostname uname -n
"""

_RELEASE_FACTS = ("distribution", "like", "version", "codename", "pretty")

FACTS: dict[str, JsonSchema] = {
    "distribution": {"type": "string"},
    "like": {"type": "array", "items": {"type": "string"}},
    "version": {"type": "string"},
    "codename": {"type": "string"},
    "pretty": {"type": "string"},
    "kernel_name": {"type": "string"},
    "kernel": {"type": "string"},
    "machine": {"type": "string"},
    "container": {"type": ["string", "null"]},
    "uid": {"type": ["integer", "null"]},
    "epoch": {"type": ["integer", "null"]},
    "hostname": {"type": "string"},
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the system's identity (os-release(5)), its kernel, its container technology, our uid and its clock."""
    output = read(capture)
    release, source = _os_release(output)
    uname = output.run("uname").text.split()
    uid, epoch = output.run("uid").text.strip(), output.run("epoch").text.strip()
    known = {
        "distribution": release.get("ID", ""),
        "like": release.get("ID_LIKE", "").split(),
        "version": release.get("VERSION_ID", ""),
        "codename": release.get("VERSION_CODENAME", ""),
        "pretty": release.get("PRETTY_NAME", ""),
        "kernel_name": uname[0] if len(uname) == 3 else "",
        "kernel": uname[1] if len(uname) == 3 else "",
        "machine": uname[2] if len(uname) == 3 else "",
        "container": _container(output),
        "uid": int(uid) if uid.isdigit() else None,
        "epoch": int(epoch) if epoch.isdigit() else None,
        "hostname": output.run("hostname").text.strip(),
    }
    if release:
        return Observation.of(known, dict.fromkeys(_RELEASE_FACTS, source))
    missing = dict.fromkeys(_RELEASE_FACTS, "the host has no readable os-release")
    return Observation.of({name: fact for name, fact in known.items() if name not in missing}, missing=missing)


def system(observation: Observation) -> System:
    """Return the `System` that this probe's facts describe; an empty one when there are none."""
    facts = observation.facts
    kernel_name = facts.get("kernel_name", "")
    return System(
        distribution=facts.get("distribution", ""),
        like=tuple(facts.get("like", ())),
        version=facts.get("version", ""),
        codename=facts.get("codename", ""),
        kernel=facts.get("kernel", ""),
        machine=facts.get("machine", ""),
        container=facts.get("container"),
        uid=facts.get("uid"),
        foreign="" if kernel_name == "Linux" else kernel_name,
    )


def _os_release(output: Output) -> tuple[dict[str, str], str]:
    """Split os-release(5): shell assignments, one a line, values quoted as in a shell."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        if path in output.files:
            pairs = {}
            for line in output.files[path].splitlines():
                key, found, value = line.strip().partition("=")
                if not found or key.startswith("#"):
                    continue
                try:
                    pairs[key] = "".join(shlex.split(value))
                except ValueError:
                    pairs[key] = value
            return pairs, path
    return {}, ""


def _container(output: Output) -> str | None:
    """Name the container technology, from systemd's own word first and the engines' marker files after."""
    word = output.run("virt").text.strip()
    if output.run("virt").status == 0 and word not in ("", "none"):
        return word
    if found := output.files.get("/run/systemd/container", "").strip():
        return found
    if "/.dockerenv" in output.files:
        return "docker"
    if "/run/.containerenv" in output.files:
        return "podman"
    _, found_key, value = output.run("environ").text.strip().partition("container=")
    return value or "other" if found_key else None


PROBE = Probe(
    id="linux.platform",
    title="Operating system, privilege and clock",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=20,
    max_bytes=64 * 1024,
)
