"""Whether a program that crashes leaves its memory behind, now and after the next boot.

Reads: kernel.core_pattern, kernel.core_uses_pid and fs.suid_dumpable, as they are and as sysctl.d sets them;
coredump.conf with its drop-ins; limits.conf and limits.d, and whether logins run pam_limits; systemd's default limit
for services and the units that raise it.
Needs: root.
Facts: kept_now, kept_at_boot (each item says whose memory is kept and by what); suid_dumpable, suid_dumpable_at_boot
(null when no file sets it: the kernel starts with 0); core_pattern, core_pattern_at_boot (null when no file sets it);
literal_offenders (lines of the guides that are not there: `* hard core 0`, Storage=none and ProcessSizeMax=0).
Absent when: in a container whose kernel hands core dumps to a program: not_applicable, they go to its host.

core(5): a pattern that begins with `|` hands the memory to a program, and no limit stops that. systemd-coredump keeps
nothing with Storage=none, and nothing of a process whose own limit is 0; ProcessSizeMax=0 alone does not stop it from
keeping. Any other pattern writes a file, bounded by the process's limit: sessions get theirs from pam_limits, services
from systemd. An empty pattern without core_uses_pid writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import limits, pam, sysctl_config, systemd_config
from hardencheck.probes.output import Output, read

SCRIPT = (
    pam.SCRIPT
    + sysctl_config.FUNCTIONS
    + systemd_config.FUNCTIONS
    + r"""
kernel() {
  for key in kernel/core_pattern kernel/core_uses_pid fs/suid_dumpable; do
    value=
    IFS= read -r value <"/proc/sys/$key" || [ -n "$value" ] || return
    printf '%s=%s\n' "$key" "$value"
  done
}
run kernel kernel
sysctl_files
systemd_files coredump
limit_files() {
  set -- /etc/security/limits.conf /usr/etc/security/limits.conf
  for path in /etc/security/limits.d/*.conf; do [ ! -e "$path" ] || set -- "$@" "$path"; done
  files "$@"
}
limit_files
units() {
  [ -d /run/systemd/system ] || return 127
  systemctl show -p DefaultLimitCORE -p DefaultLimitCORESoft || return
  # shellcheck disable=SC2046 # names of units hold no spaces
  set -- $(grep -l -s -r -E '^[[:space:]]*LimitCORE[[:space:]]*=' /etc/systemd/system /run/systemd/system \
    /usr/lib/systemd/system $([ -L /lib ] || echo /lib/systemd/system) |
    sed -n -e 's|\.d/[^/]*\.conf$||' -e 's|.*/\([^/@]*\.service\)$|\1|p' | sort -u | head -n 40)
  [ "$#" -eq 0 ] || systemctl show -p Id -p LoadState -p UnitFileState -p ActiveState -p LimitCORESoft "$@"
}
run units units
"""
)

FACTS: dict[str, JsonSchema] = {
    "kept_now": {"type": "array", "items": {"type": "string"}},
    "kept_at_boot": {"type": "array", "items": {"type": "string"}},
    "suid_dumpable": {"type": "integer"},
    "suid_dumpable_at_boot": {"type": ["integer", "null"]},
    "core_pattern": {"type": "string"},
    "core_pattern_at_boot": {"type": ["string", "null"]},
    "literal_offenders": {"type": "array", "items": {"type": "string"}},
}

#: programs that take a core dump and throw it away, and those that are known to keep it
_DISCARD = {"/bin/false", "/usr/bin/false", "/bin/true", "/usr/bin/true"}
_KEEPERS = {"apport": "apport", "abrt-hook-ccpp": "ABRT", "abrt-hook-cpp": "ABRT", "kdump-save-core": "kdump"}
_COREDUMP = {f"{folder}/systemd/systemd-coredump" for folder in ("/usr/lib", "/lib", "/usr/libexec")}
_LOGINS = ("sshd", "login")


class _Unclear(Exception):
    """What decides cannot be told; the message says why."""


@dataclass(frozen=True, slots=True)
class _Host:
    """What decides, whatever the core pattern is."""

    output: Output
    coredump: systemd_config.Config
    sessions: list[str]
    dumpable: int

    def kept(self, pattern: str, uses_pid: bool) -> list[str]:
        """Return whose memory is kept with this core pattern; raises _Unclear."""
        if pattern.startswith("|"):
            return self._handed_over(pattern)
        if (not pattern and not uses_pid) or pattern == "/dev/null":
            return []
        return [*self._raised(pattern), *self.sessions, *self._services()][:20]

    def _raised(self, pattern: str) -> list[str]:
        """Root's own sessions have no limit: what a program with raised rights leaves is kept in a file then."""
        kept = self.dumpable == 1 or (self.dumpable == 2 and pattern.startswith("/"))
        return [f"programs with raised rights: fs.suid_dumpable is {self.dumpable}"] * kept

    def _handed_over(self, pattern: str) -> list[str]:
        words = pattern[1:].split()
        program = words[0] if words else ""
        name = program.rpartition("/")[2]
        if program in _DISCARD:
            return []
        if name in _KEEPERS:
            return [f"all programs: {_KEEPERS[name]} gets them (core_pattern {pattern})"]
        if program not in _COREDUMP:
            raise _Unclear(f"what {program or 'the program'} does with core dumps cannot be told")
        if self.coredump.unclear:
            raise _Unclear(self.coredump.unclear)
        storage = self.coredump.last("Coredump", "Storage")
        if storage and storage.value.lower() == "none":
            return []
        said = f"Storage={storage.value} ({storage.where})" if storage else "Storage=external is the default"
        return [f"all programs: systemd-coredump keeps them, {said}"]

    def _services(self) -> Iterator[str]:
        if self.output.run("units").missing:
            return
        if self.output.run("units").status:
            raise _Unclear("systemd did not tell the limits of services")
        for block in self.output.run("units").text.split("\n\n"):
            unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            # the block of the manager comes first, and the first unit joins it where no empty line stands between
            if unit.get("DefaultLimitCORESoft", "0") != "0":
                yield f"services: DefaultLimitCORE is {unit['DefaultLimitCORESoft']}"
            runs = unit.get("ActiveState") == "active" or unit.get("UnitFileState", "").startswith("enabled")
            if "Id" in unit and runs and unit.get("LimitCORESoft", "0") != "0":
                yield f"services: {unit['Id']} has LimitCORE={unit['LimitCORESoft']}"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what keeps core dumps, by the kernel's pattern first (core(5))."""
    output = read(capture)
    kernel = dict(line.split("=", 1) for line in output.run("kernel").lines if "=" in line)
    pattern, dumpable = kernel.get("kernel/core_pattern"), kernel.get("fs/suid_dumpable", "")
    if output.run("kernel").status or pattern is None or not dumpable.isdigit():
        return Observation.not_collected("the kernel's settings for core dumps could not be read")
    if context.system.container and pattern.startswith("|"):
        return Observation.not_applicable(
            f"core dumps go to a program on the host of this container ({context.system.container})"
        )
    sysctl = sysctl_config.of(output)
    facts: dict[str, object] = {"suid_dumpable": int(dumpable), "core_pattern": pattern}
    missing: dict[str, str] = {}
    host = _Host(output, systemd_config.of(output, "coredump"), [], int(dumpable))
    zero_at = ""
    if problem := _sessions(output, context, host.sessions):
        missing |= {} if pattern.startswith("|") else {"kept_now": problem}
    else:
        offenders, zero_at = limits.core_offenders(output.files)
        host.sessions.extend(offenders)
    boot = sysctl.get("kernel.core_pattern")
    raised = sysctl.get("fs.suid_dumpable")
    uses_pid = kernel.get("kernel/core_uses_pid") != "0"
    facts["core_pattern_at_boot"] = boot.value if boot else None
    facts["suid_dumpable_at_boot"] = int(raised.value) if raised and raised.value.isdigit() else None
    if raised and not raised.value.isdigit():
        missing["suid_dumpable_at_boot"] = f"{raised.where} sets no number"
    # where no file sets the pattern the kernel starts with "core"; in a container it is not this host's to set
    later = pattern if context.system.container else boot.value if boot else "core"
    for name, value in (("kept_now", pattern), ("kept_at_boot", later)):
        try:
            facts[name] = host.kept(value, uses_pid)
        except _Unclear as unclear:
            missing[name] = str(unclear)
        if problem and not value.startswith("|"):
            missing[name] = problem
    if sysctl.unclear:
        missing |= dict.fromkeys(("kept_at_boot", "suid_dumpable_at_boot", "core_pattern_at_boot"), sysctl.unclear)
    facts["literal_offenders"] = _literal(host.coredump, zero_at)
    facts = {name: fact for name, fact in facts.items() if name not in missing}
    read_from = {
        "kept_now": f"core_pattern is {pattern!r}" + (f"; {zero_at}" if zero_at else ""),
        "kept_at_boot": f"{boot.where}: core_pattern" if boot else "no file sets core_pattern: it is 'core' then",
        "suid_dumpable": "/proc/sys/fs/suid_dumpable",
        "suid_dumpable_at_boot": raised.where if raised else "no file sets fs.suid_dumpable",
        "literal_offenders": "limits.conf, limits.d, coredump.conf",
    }
    return Observation.of(facts, {name: text for name, text in read_from.items() if name in facts}, missing)


def _sessions(output: Output, context: Context, offenders: list[str]) -> str:
    """Return why the limits of sessions cannot be told, or ""; adds logins that do not run pam_limits."""
    closed = sorted(path for path in output.unreadable if path.startswith("/etc/security/limits"))
    if closed:
        return f"{closed[0]} cannot be read"
    configuration = pam.Configuration(output, context.system)
    if configuration.problem:
        return configuration.problem
    for service in _LOGINS:
        if not configuration.has(service):
            continue
        stack = configuration.stack(service, "session")
        if stack.unreadable:
            return f"{stack.unreadable} cannot be read"
        mine = [handler for handler in stack.handlers if handler.module == "pam_limits"]
        if not mine and not stack.denied:
            offenders.append(f"sessions: {service} does not run pam_limits")
        if any(handler.option("conf") for handler in mine):
            return f"{mine[0].where}: pam_limits reads another file"
    return ""


def _literal(coredump: systemd_config.Config, zero_at: str) -> list[str]:
    offenders = [] if zero_at else ["no line '* hard core 0' decides"]
    for key, wanted in (("Storage", "none"), ("ProcessSizeMax", "0")):
        setting = coredump.last("Coredump", key)
        if coredump.unclear or setting is None or setting.value.lower() != wanted:
            offenders.append(f"coredump.conf: {key} is {setting.value if setting else 'not set'}, not {wanted}")
    return offenders


PROBE = Probe(
    id="linux.core_dumps",
    title="What becomes of core dumps",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=256 * 1024,
    asks=pam.ASKS,
)
