"""Whether security updates are installed without anybody's doing, and whether that worked lately.

Reads: on Debian and Ubuntu `apt-config dump` (all files merged by APT), `dpkg-query`, `apt-get indextargets`, the
release files, the timers or cron.daily/apt-compat, the stamps in /var/lib/apt/periodic; with DNF
/etc/dnf/automatic.conf and the
dnf-automatic timers with their stamps; on SUSE transactional-update.timer or /etc/sysconfig/automatic_online_update.
Needs: nothing.
Facts:
  mechanism           unattended-upgrades, dnf-automatic, transactional-update, online-update or none
  obstacles           everything that keeps security updates from being installed by themselves
  never_run           whether no run has succeeded yet
  days_since_success  days since the last successful run; since the package was installed when it never ran;
                      null when nothing that could run is installed
Absent when: the package lists of a security archive are missing, so that origin patterns match nothing; the stamps are
dated in the future; a mechanism keeps no trace of its runs.
"""

from __future__ import annotations

import re

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import apt, unattended_upgrades
from hardencheck.probes.linux.update_facts import Updates, stamps
from hardencheck.probes.output import Output, Run, read

SCRIPT = (
    r"""
stamp() {
  format=$1
  shift
  for path do
    [ ! -e "$path" ] || set -- "$@" "$path"
    shift
  done
  [ "$#" -eq 0 ] || stat -c "$format %n" "$@"
}
running() { [ -d /run/systemd/system ] && echo running; }
# one line per unit with two states: as is-enabled and as is-active say them; one call where systemd answers
units() {
  shown=$(systemctl show -p Id,UnitFileState,ActiveState "$@" 2>/dev/null)
  if [ -z "$shown" ]; then
    for unit do
      printf '%s %s\n' "$unit" "$(systemctl is-enabled "$unit" 2>/dev/null)"
    done
    return 0
  fi
  printf '%s\n\n' "$shown" | while read -r line; do
    case $line in
    Id=*) id=${line#*=} ;;
    UnitFileState=*) state=${line#*=} ;;
    ActiveState=*) active=${line#*=} ;;
    '') printf '%s %s %s\n' "$id" "${state:--}" "$active" ;;
    esac
  done
}
config() { apt-config dump | grep -i -e '^APT::Periodic' -e '^Unattended-Upgrade'; }
cron() { [ -x /etc/cron.daily/apt-compat ] && { [ -x /usr/sbin/cron ] || [ -x /usr/sbin/anacron ]; }; }
run systemd running
if [ -s /var/lib/dpkg/status ] && command -v apt-get >/dev/null; then
  run config config
  run package command -v unattended-upgrade
"""
    + apt.SCRIPT
    + r"""
  run units units apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service
  run cron cron
  run stamps stamp %Y /var/lib/apt/periodic/unattended-upgrades-stamp /var/lib/apt/periodic/upgrade-stamp
  run installed stamp %Z /var/lib/dpkg/info/unattended-upgrades.list
elif command -v zypper >/dev/null; then
  files /etc/sysconfig/automatic_online_update
  run units units transactional-update.timer
  run stamps stamp %Y /var/lib/systemd/timers/stamp-transactional-update.timer
elif command -v dnf >/dev/null; then
  run package rpm -q --qf '%{INSTALLTIME}\n' dnf-automatic
  run settings grep -E '^[[:space:]]*(upgrade_type|apply_updates)[[:space:]]*=' /etc/dnf/automatic.conf
  run units units dnf-automatic.timer dnf-automatic-install.timer dnf-automatic-download.timer \
    dnf-automatic-notifyonly.timer
  run stamps stamp %Y /var/lib/systemd/timers/stamp-dnf-automatic.timer \
    /var/lib/systemd/timers/stamp-dnf-automatic-install.timer
fi
"""
)

FACTS: dict[str, JsonSchema] = {
    "mechanism": {"type": "string"},
    "obstacles": {"type": "array", "items": {"type": "string"}},
    "never_run": {"type": "boolean"},
    "days_since_success": {"type": ["integer", "null"]},
}

_ON = ("enabled", "enabled-runtime", "static", "generated", "alias", "indirect")
_SETTING = re.compile(r'^\s*([A-Za-z_]+)\s*=\s*"?([^"\n]*?)"?\s*$', re.MULTILINE)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what stands between a published fix and its unattended installation."""
    output = read(capture)
    found = Updates()
    if "config" in output.runs:
        found.know("mechanism", "unattended-upgrades", "apt-config dump")
        unattended_upgrades.read_obstacles(output, context, units(output.run("units")), found)
        ran, since = stamps(output.run("stamps")), stamps(output.run("installed"))
    elif "package" in output.runs:
        ran, since = _dnf(output, found)
    elif "units" in output.runs:
        ran, since = _suse(output, found)
    else:
        return Observation.not_collected("no apt-get with a dpkg database, no zypper and no dnf on this host")
    _age(ran, since, context, found)
    found.lack([name for name in FACTS if name not in found.facts], "this mechanism keeps no trace of its runs")
    return Observation.of(found.facts, found.read_from, found.missing)


def units(run: Run) -> dict[str, str]:
    """Read `UNIT STATE ...` lines: states of `systemctl is-enabled`; an unknown unit has `not-found`, `-` or none."""
    words = (line.split() for line in run.lines)
    return {unit: state[0].removeprefix("-") if state else "" for unit, *state in filter(None, words)}


def _age(ran: dict[str, int], since: dict[str, int], context: Context, found: Updates) -> None:
    """Record the age of the newest stamp, or of the installation when there is none."""
    times = ran or since
    if not times and any(obstacle.endswith("is not installed") for obstacle in found.facts.get("obstacles", [])):
        found.know("never_run", True, found.read_from["obstacles"])
        found.know("days_since_success", None, found.read_from["obstacles"])
        return
    if not times:
        found.lack(["never_run", "days_since_success"], "no stamp of a run, and no date of the installation")
        return
    path = max(times, key=lambda name: times[name])
    days = (context.now.timestamp() - times[path]) / 86400
    if days < -1:
        found.lack(["never_run", "days_since_success"], f"{path} is dated {-days:.0f} days in the future")
        return
    found.know("never_run", not ran, path)
    found.know("days_since_success", max(0, int(days)), path)


def _dnf(output: Output, found: Updates) -> tuple[dict[str, int], dict[str, int]]:
    """Read dnf-automatic(8): `-install` always installs, the plain timer does when `apply_updates` says so."""
    found.know("mechanism", "dnf-automatic", "rpm -q dnf-automatic")
    path = "/etc/dnf/automatic.conf"
    package, settings = output.run("package"), dict(_SETTING.findall(output.run("settings").text))
    state = units(output.run("units"))
    if package.status != 0:
        found.know("obstacles", ["dnf-automatic is not installed"], "rpm -q dnf-automatic")
        return {}, {}
    obstacles = []
    applies = settings.get("apply_updates", "no").lower() in ("yes", "true", "1", "on")
    if state.get("dnf-automatic-install.timer") not in _ON:
        if state.get("dnf-automatic.timer") not in _ON:
            obstacles.append("neither dnf-automatic-install.timer nor dnf-automatic.timer is enabled")
        elif not applies:
            obstacles.append(f"{path}: apply_updates is not yes, and dnf-automatic-install.timer is not enabled")
    if settings.get("upgrade_type", "default") not in ("default", "security"):
        obstacles.append(f"{path}: upgrade_type is {settings['upgrade_type']}")
    found.know("obstacles", obstacles, f"systemctl is-enabled, {path}")
    if output.run("settings").status > 1:
        found.lack(["obstacles"], f"{path} cannot be read")
    installed = package.text.strip().splitlines()[-1:]
    since = {"rpm -q dnf-automatic": int(installed[0])} if installed and installed[0].isdigit() else {}
    return stamps(output.run("stamps")), since


def _suse(output: Output, found: Updates) -> tuple[dict[str, int], dict[str, int]]:
    """Read transactional-update(8), else the online update of YaST."""
    if units(output.run("units")).get("transactional-update.timer") in _ON:
        found.know("mechanism", "transactional-update", "systemctl is-enabled")
        found.know("obstacles", [], "systemctl is-enabled transactional-update.timer")
        return stamps(output.run("stamps")), {}
    path = "/etc/sysconfig/automatic_online_update"
    found.know("mechanism", "online-update" if path in output.files else "none", path)
    settings = dict(_SETTING.findall(output.files.get(path, "")))
    categories = settings.get("AOU_PATCH_CATEGORIES", "").split()
    if path in output.unreadable:
        found.lack(["obstacles"], f"{path} cannot be read")
    elif settings.get("AOU_ENABLE_CRONJOB") != "true":
        found.know("obstacles", ["neither transactional-update.timer nor the online update is enabled"], path)
    else:
        left_out = bool(categories) and "security" not in categories
        found.know("obstacles", [f"{path}: security is not in AOU_PATCH_CATEGORIES"] if left_out else [], path)
    found.lack(["never_run", "days_since_success"], "the online update keeps no trace of its runs that is read here")
    return {}, {}


PROBE = Probe(
    id="linux.automatic_updates",
    title="Automatic security updates",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=64 * 1024,
)
