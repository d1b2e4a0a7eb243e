"""Which intrusion detection products work on this host: installed and running is not enough.

Reads: processes, units, and per product what shows that it works: AIDE, Samhain, Tripwire (see integrity), the state
files of Wazuh and OSSEC agents, logs and rules of Suricata, interfaces of Snort, `falconctl -g`, `mdatp health`,
osquery's results log.
Needs: root.
Facts: healthy_products and unhealthy_products, each as "product (class): why"; brute_force_guards such as fail2ban,
which watch logins alone and count as no detection of intrusions. Classes: file integrity, host (Wazuh, OSSEC, Falco,
osquery), network (Suricata, Snort, Zeek), endpoint (CrowdStrike, Microsoft Defender). The audit daemon records and
does not detect: linux.audit asks for it.
Absent when: never. A running product whose health cannot be told makes healthy_products missing when no other works.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import integrity, sensors, software
from hardencheck.probes.output import read

SCRIPT = f"""{software.FUNCTIONS}{integrity.SCRIPT}{sensors.SCRIPT}
run packages installed {" ".join((*integrity.PACKAGES, *sensors.PACKAGES))}
"""

FACTS: dict[str, JsonSchema] = {
    "healthy_products": {"type": "array", "items": {"type": "string"}},
    "unhealthy_products": {"type": "array", "items": {"type": "string"}},
    "brute_force_guards": {"type": "array", "items": {"type": "string"}},
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the products by health."""
    output = read(capture)
    installed = software.packages(output.run("packages"))
    running = software.processes(output.run("sensors"))
    if running is None:
        return Observation.not_collected("the running processes could not be listed")
    found = [
        sensors.Sensor(one.product, "file integrity", None if one.unclear else one.working, _why(one))
        for one in integrity.products(output, installed or frozenset(), context.now)
    ]
    found += sensors.products(output, running, installed or frozenset(), context.now)
    healthy = sorted(map(str, (one for one in found if one.healthy)))
    unhealthy = sorted(map(str, (one for one in found if one.healthy is False)))
    unclear = sorted(map(str, (one for one in found if one.healthy is None)))
    if installed is None:
        unclear.append("neither dpkg nor rpm told which packages are installed")
    facts: dict[str, object] = {
        "healthy_products": healthy,
        "unhealthy_products": unhealthy,
        "brute_force_guards": sorted(running & set(sensors.GUARDS)),
    }
    seen = "; ".join(healthy + unhealthy + unclear) or "no known product found"
    read_from = {"healthy_products": f"packages, units, processes: {seen}"}
    if unclear and not healthy:
        del facts["healthy_products"]
        return Observation.of(facts, {}, {"healthy_products": "; ".join(unclear)})
    return Observation.of(facts, read_from)


def _why(one: integrity.Integrity) -> str:
    return f"{one.database}, {one.scheduled}" if one.working else one.problem


PROBE = Probe(
    id="linux.intrusion_detection",
    title="Intrusion detection products and their health",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=30,
    max_bytes=128 * 1024,
    asks={**integrity.ASKS, software.PACKAGES: (*integrity.PACKAGES, *sensors.PACKAGES)},
)
