"""Whether changed files would be noticed: a file integrity product with a database and a schedule.

Reads: aide.conf, the databases of AIDE, Samhain and Tripwire (times and sizes), crontabs and timers that name them,
the package database.
Needs: root (AIDE's database is hidden from others).
Facts: product is the one that works, else the first that is installed. database_present (not empty, and the one that
is compared with, not aide.db.new), database_age_days, check_scheduled (active timer, or cron job while cron runs),
last_report_age_days. package_installed (aide, samhain or tripwire in the package database: the letter of the guides,
which ask for the package alone).
Absent when: no such product is installed, and the package database says so too: does_not_exist.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import integrity, software
from hardencheck.probes.output import read

SCRIPT = f"""{software.FUNCTIONS}{integrity.SCRIPT}
run packages installed {" ".join(integrity.PACKAGES)}
"""

FACTS: dict[str, JsonSchema] = {
    "product": {"type": "string"},
    "database_present": {"type": "boolean"},
    "database_age_days": {"type": ["integer", "null"]},
    "check_scheduled": {"type": "boolean"},
    "last_report_age_days": {"type": ["integer", "null"]},
    "package_installed": {"type": "boolean"},
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the state of the product that works, or of the first one that is installed."""
    output = read(capture)
    installed = software.packages(output.run("packages"))
    found = integrity.products(output, installed or frozenset(), context.now)
    if not found and installed is None:
        return Observation.not_collected("neither dpkg nor rpm told which packages are installed")
    if not found:
        return Observation.does_not_exist("no file integrity product (AIDE, Samhain, Tripwire) is installed")
    best = found[0]
    facts: dict[str, object] = {
        "product": best.product,
        "database_present": bool(best.database),
        "database_age_days": None if best.written is None else software.days_since(best.written, context.now),
        "check_scheduled": bool(best.scheduled),
        "last_report_age_days": None if best.reported is None else software.days_since(best.reported, context.now),
    }
    missing = {}
    if installed is None:
        missing["package_installed"] = "neither dpkg nor rpm told which packages are installed"
    else:
        facts["package_installed"] = bool(installed & set(integrity.PACKAGES))
    if best.unclear:
        missing |= dict.fromkeys(("database_present", "database_age_days"), best.unclear)
        facts = {name: value for name, value in facts.items() if name not in missing}
    read_from = {
        "database_present": best.database or "/var/lib/aide, /var/lib/samhain, /var/lib/tripwire",
        "database_age_days": best.database,
        "check_scheduled": best.scheduled or "timers, crontabs, /etc/cron.*",
    }
    return Observation.of(facts, {name: where for name, where in read_from.items() if where}, missing)


PROBE = Probe(
    id="linux.file_integrity",
    title="File integrity database and schedule",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=64 * 1024,
    asks={**integrity.ASKS, software.PACKAGES: integrity.PACKAGES},
)
