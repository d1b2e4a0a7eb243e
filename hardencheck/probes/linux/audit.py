"""Whether the kernel's audit system records: what the kernel says, not what rule files say.

Reads: `auditctl -s`, `auditctl -l`, the compiled /etc/audit/audit.rules, the package database.
Needs: root.
Facts: audit_enabled (the kernel's `enabled` is 1, or 2: locked until the next boot), audit_locked, auditd_running (a
process has registered for the records), loaded_rules (those that record something: after `never,task`, which some
distributions load at first, none does), rules_not_loaded (how many fewer than in audit.rules: one bad line keeps all
that follow it out), rules_not_compiled (rules in /etc/audit/rules.d that audit.rules lacks: augenrules has not run
since, or the rules are locked until the next boot), rules_in_files (rules in rules.d and audit.rules: the letter of the
guides, which look at files alone), lost_events.
Absent when: auditctl is missing and the package database says so too: does_not_exist. In a container the audit
system belongs to the container's host: not_applicable.
"""

from __future__ import annotations

import re

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import software
from hardencheck.probes.output import read

SCRIPT = (
    software.FUNCTIONS
    + r"""
state() {
  text=$(auditctl -s) || return
  printf '%s\n' "$text" | sed -e '/^backlog /d' -e 's/pid\([ =]\)[1-9][0-9]*/pid\1running/' -e 's/ backlog=[0-9]*//'
}
run status state
run rules auditctl -l
set -- /etc/audit/audit.rules
for path in /etc/audit/rules.d/*.rules; do [ ! -e "$path" ] || set -- "$@" "$path"; done
files "$@"
run packages installed auditd audit
"""
)

FACTS: dict[str, JsonSchema] = {
    "audit_enabled": {"type": "boolean"},
    "audit_locked": {"type": "boolean"},
    "auditd_running": {"type": "boolean"},
    "loaded_rules": {"type": "integer"},
    "rules_not_loaded": {"type": "integer"},
    "rules_not_compiled": {"type": "integer"},
    "rules_in_files": {"type": "integer"},
    "lost_events": {"type": "integer"},
}

_PAIR = re.compile(r"\b(enabled|pid|lost)[ =](\w+)")


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the kernel's audit state (auditctl(8)); `auditctl -l` says "No rules" with exit status 0."""
    output = read(capture)
    if context.system.container:
        technology = context.system.container
        return Observation.not_applicable(
            f"the kernel's audit system belongs to the host of this container ({technology})"
        )
    status, rules = output.run("status"), output.run("rules")
    if status.missing:
        installed = software.packages(output.run("packages"))
        if installed is None or installed & {"auditd", "audit"}:
            return Observation.not_collected("auditctl was not found")
        return Observation.does_not_exist("auditd is not installed")
    state = dict(_PAIR.findall(status.text))
    if status.status != 0 or set(state) != {"enabled", "pid", "lost"} or not state["enabled"].isdigit():
        return Observation.not_collected(f"auditctl -s did not show the kernel's state (status {status.status})")
    loaded = [line for line in rules.lines if line.startswith("-")]
    if rules.status != 0 or (not loaded and "No rules" not in rules.text):
        return Observation.not_collected(f"auditctl -l did not list the loaded rules (status {rules.status})")
    compiled = _rules(output.files.get("/etc/audit/audit.rules", ""))
    recording, silent = _recording(loaded)
    written = set().union(*(_rules(text) for path, text in output.files.items() if "/rules.d/" in path))
    facts = {
        "audit_enabled": state["enabled"] in ("1", "2"),
        "audit_locked": state["enabled"] == "2",
        "auditd_running": state["pid"] != "0",
        "loaded_rules": recording,
        "rules_not_loaded": max(0, len(compiled) - len(loaded)),
        "rules_not_compiled": len(written - compiled),
        "rules_in_files": len(written | compiled),
        "lost_events": int(state["lost"]),
    }
    return Observation.of(
        facts,
        {
            "audit_enabled": "auditctl -s: enabled",
            "auditd_running": "auditctl -s: pid",
            "loaded_rules": f"auditctl -l: {silent} keeps the others from recording" if silent else "auditctl -l",
            "rules_not_loaded": f"auditctl -l; /etc/audit/audit.rules has {len(compiled)} rules",
            "rules_not_compiled": "; ".join(sorted(written - compiled)[:5])
            or "/etc/audit/rules.d, /etc/audit/audit.rules",
            "lost_events": "auditctl -s: lost",
        },
    )


def _recording(loaded: list[str]) -> tuple[int, str]:
    """Return how many rules record something, and the rule that keeps others from it (auditctl(8): the first wins)."""
    found = 0
    for line in loaded:
        words = line.split()
        pair = set(words[1].split(",")) if words[0] in ("-a", "-A") and len(words) > 1 else set()
        anything = "-F" not in words and ("-S" not in words or "all" in words)
        if {"never", "task"} <= pair and anything:
            return 0, line
        if {"never", "exit"} <= pair and anything:
            return found, line
        found += not pair & {"never", "exclude"}
    return found, ""


def _rules(text: str) -> set[str]:
    """Return the rules of a file; a rule that stands there twice is loaded once."""
    return {" ".join(line.split()) for line in text.splitlines() if re.match(r"\s*-[aAw]\s", line)}


PROBE = Probe(
    id="linux.audit",
    title="Kernel audit state and loaded audit rules",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=256 * 1024,
    asks={software.PACKAGES: ("auditd", "audit")},
)
