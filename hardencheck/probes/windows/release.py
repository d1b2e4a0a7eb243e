r"""Whether the installed release of Windows still gets security updates from Microsoft.

The last day depends on the build and on the edition: Home and Pro, Enterprise and Education, long-term (LTSB, LTSC),
its IoT kind, and the servers each have their own. They are the distributions `windows`, `windows-enterprise`,
`windows-ltsc`, `windows-iot-ltsc`, `windows-server` and `windows-server-channel` (the servers of the semi-annual and
annual channels) of the table of support dates; the version is the build. What a site knows better is said as in
"windows-enterprise 19045 paid 2027-10-12"; that entry also says that the extension was bought for these hosts.

Reads: EditionID and build (through `windows.platform`), and the licences of SoftwareLicensingProduct that Extended
Security Updates of Windows 10 have, by their identifiers, one a year.
https://learn.microsoft.com/windows/whats-new/enable-extended-security-updates
Needs: nothing.
Facts:
  support_state           full (without charge), paid (Extended Security Updates, seen or said by the site) or ended
  support_ends            last day of the support that this host has, or had
  support_days_left       days until then; negative when it has passed
  support_table_age_days  days since the table of support dates was reviewed
Absent when: build and edition are not in the table, which is dated and names its sources, nor in the site's value
`support_dates`: preview builds and releases that are newer than the table are unknown. Extended updates that need no
licence on the host (Azure, Windows 365, accounts at home) are not seen: a Windows 10 that has an update from after its
last free day is then unknown, one that has none is out of support.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, WindowsSystem
from hardencheck.probes.powershell import Section, as_int, as_list, read
from hardencheck.probes.support_table import SITE_SCHEMA, Support, support_table

#: Licences of Extended Security Updates for Windows 10 22H2, and the last day of the year that each pays for.
_LICENCES = {
    "f520e45e-7413-4a34-a497-d2765967d094": date(2026, 10, 13),
    "1043add5-23b1-4afb-9a0f-64343c8f3f8d": date(2027, 10, 12),
    "83d49986-add3-41d7-ba33-87c7bfb5c0fb": date(2028, 10, 10),
}
#: The last revision of Windows 10 22H2 that installs without Extended Security Updates (out of band, 2025-11-11).
_LAST_FREE = {19045: 6466}

SCRIPT = r"""
List 'licences' {
  $os = Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_OperatingSystem -Property BuildNumber `
    -OperationTimeoutSec 5
  # the class is slow, and other releases have no such licences
  if ([string]$os.BuildNumber -eq '19045') {
    $ids = "ID = 'f520e45e-7413-4a34-a497-d2765967d094' OR ID = '1043add5-23b1-4afb-9a0f-64343c8f3f8d'"
    Get-CimInstance -Namespace 'root/cimv2' -ClassName SoftwareLicensingProduct -Property ID, LicenseStatus `
      -Filter "$ids OR ID = '83d49986-add3-41d7-ba33-87c7bfb5c0fb'" -OperationTimeoutSec 15 |
      ForEach-Object { @{ id = [string]$_.ID; status = [int]$_.LicenseStatus } }
  }
}
"""

FACTS: dict[str, JsonSchema] = {
    "support_state": {"enum": ["full", "lts", "paid", "ended"], "type": "string"},
    "support_ends": {"type": "string"},
    "support_days_left": {"type": "integer"},
    "support_table_age_days": {"type": "integer"},
}

_HOME_AND_PRO = (
    "Core CoreN CoreSingleLanguage CoreCountrySpecific Professional ProfessionalN ProfessionalEducation"
    " ProfessionalEducationN ProfessionalWorkstation ProfessionalWorkstationN ProfessionalSingleLanguage"
    " ProfessionalCountrySpecific"
)
_ENTERPRISE = (
    "Enterprise EnterpriseN EnterpriseEval EnterpriseNEval Education EducationN IoTEnterprise IoTEnterpriseK ServerRdsh"
)
_SERVER = (
    "ServerStandard ServerStandardCore ServerStandardEval ServerStandardEvalCore ServerDatacenter ServerDatacenterCore"
    " ServerDatacenterEval ServerDatacenterEvalCore ServerSolution ServerTurbine ServerTurbineCor ServerHyperCore"
    " ServerStorageStandard ServerStorageWorkgroup"
)
_DISTRIBUTIONS = {
    **dict.fromkeys(_HOME_AND_PRO.split(), "windows"),
    **dict.fromkeys(_ENTERPRISE.split(), "windows-enterprise"),
    **dict.fromkeys(["EnterpriseS", "EnterpriseSN", "EnterpriseSEval", "EnterpriseSNEval"], "windows-ltsc"),
    **dict.fromkeys(["IoTEnterpriseS", "IoTEnterpriseSK"], "windows-iot-ltsc"),
    **dict.fromkeys(_SERVER.split(), "windows-server"),
    **dict.fromkeys(["ServerStandardACor", "ServerDatacenterACor"], "windows-server-channel"),
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the phase of support that the sweep's day falls in."""
    section, table = read(capture), support_table()
    age = {"support_table_age_days": table.age_days(context.now)}
    reviewed = f"the table of {table.reviewed}"
    windows = context.system.windows
    distribution, site = _DISTRIBUTIONS.get(windows.edition), context.values.get("support_dates", ())
    if windows.build is None or distribution is None:
        why = f"the edition {windows.edition!r} of build {windows.build} is not one whose support is known"
        return _unknown(age, why, reviewed)
    release = f"{distribution} {windows.build}"
    try:
        support = table.support(distribution, str(windows.build), site)
    except ValueError as error:
        return _unknown(age, str(error), reviewed)
    if support is None or "full" not in support.phases:
        why = (
            f"{release} is not in the table of support dates (as of {table.reviewed}), nor in the site's support_dates"
        )
        return _unknown(age, why, reviewed)
    today = context.now.date()
    vouched = any(entry.startswith(f"{release} paid ") for entry in site)
    found = _phase(section, windows, support, today, vouched=vouched)
    if isinstance(found, str):
        return _unknown(age, found, reviewed)
    state, ends, how = found
    facts = {"support_state": state, "support_ends": ends.isoformat(), "support_days_left": (ends - today).days, **age}
    return Observation.of(facts, dict.fromkeys(FACTS, f"{release}, {reviewed}: {support.source}{how}"))


def _phase(
    section: Section, windows: WindowsSystem, support: Support, today: date, *, vouched: bool
) -> tuple[str, date, str] | str:
    """Return state, last day and where that was seen; or why it cannot be told."""
    full, paid = support.phases["full"], support.phases.get("paid")
    if today <= full:
        return "full", full, ""
    if paid is None or today > paid:
        # whatever was bought: the later of the two days has passed
        return "ended", paid if paid and vouched else full, ""
    if vouched:
        return "paid", paid, ""
    return _extension(section, windows, full, today)


def _extension(section: Section, windows: WindowsSystem, full: date, today: date) -> tuple[str, date, str] | str:
    """Look for what shows that the paid extension is, or is not, in force on this host."""
    last_free = _LAST_FREE.get(windows.build or 0)
    if last_free is None:
        why = "whether Extended Security Updates were bought cannot be seen: say so in support_dates"
        return f"free support ended on {full}; {why}"
    item = section.item("licences")
    if not item.ok:
        return item.trouble
    licensed = [_LICENCES[name] for name in map(_licensed, as_list(item.value)) if name in _LICENCES]
    if licensed and today <= max(licensed):
        return "paid", max(licensed), "; SoftwareLicensingProduct: a licence of Extended Security Updates"
    if windows.revision is None:
        return "no licence of Extended Security Updates is seen, and the installed update is not known"
    if windows.revision <= last_free:
        how = f"; no licence of Extended Security Updates, and no update since {full} (revision {windows.revision})"
        return "ended", max([full, *licensed]), how
    return (
        f"free support ended on {full}, and no licence of Extended Security Updates for today is seen, but an update"
        " was installed that needs one: say in support_dates until when it is paid"
    )


def _licensed(entry: Any) -> str:
    """Return the identifier of a licence that is in force, "" for any other."""
    if not isinstance(entry, dict) or as_int(entry.get("status")) != 1:
        return ""
    return str(entry.get("id")).lower()


def _unknown(age: dict[str, int], reason: str, reviewed: str) -> Observation:
    missing = dict.fromkeys((name for name in FACTS if name not in age), reason)
    return Observation.of(age, dict.fromkeys(age, reviewed), missing)


PROBE = Probe(
    id="windows.release",
    title="Support of the installed release",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=8 * 1024,
    seconds=25,
    parameters={"support_dates": SITE_SCHEMA},
)
