"""STIG Viewer 2's checklist (.ckl), which STIG Manager, OpenRMF and Heimdall read too: a file for each host.

There is no public schema; names and order are those that STIG Viewer 2.17 writes.
"""

from __future__ import annotations

from functools import lru_cache

from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report.checklist import SEVERITY, comments, discussion, edition, host_comments
from hardencheck.report.identity import stable_uuid
from hardencheck.report.markup import DECLARATION, Xml, element, text
from hardencheck.report.rows import Row, benchmark_name, check, details, names, rows, rule_name

SUFFIX = ".ckl"
PER_HOST = True


def render(report: Report, host: HostResult) -> str:
    """Return a host's results as a checklist."""
    called = names(host)
    asset = {
        "ROLE": "None", "ASSET_TYPE": "Computing", "MARKING": "", "HOST_NAME": host.host, "HOST_IP": called.address,
        "HOST_MAC": "", "HOST_FQDN": called.fqdn, "TARGET_COMMENT": host_comments(report, host), "TECH_AREA": "",
        "TARGET_KEY": "", "WEB_OR_DATABASE": "false", "WEB_DB_SITE": "", "WEB_DB_INSTANCE": "",
    }  # fmt: skip
    baseline = report.baseline
    version, release = edition(report)
    stig = {
        "version": version, "classification": "UNCLASSIFIED", "customname": "",
        "stigid": benchmark_name(report, host),
        "description": baseline.description, "filename": "", "releaseinfo": release, "title": baseline.title,
        "uuid": stable_uuid("stig", report.sweep.baseline_digest, host.platform.value), "notice": "",
        "source": "hardencheck",
    }  # fmt: skip
    described = [_pair("SI_DATA", ("SID_NAME", name), ("SID_DATA", value)) for name, value in stig.items()]
    vulnerabilities = (_vulnerability(row, f"{baseline.title} {baseline.version}") for row in rows(report, host))
    return DECLARATION + element(
        "CHECKLIST",
        element("ASSET", *_fields(asset)),
        element("STIGS", element("iSTIG", element("STIG_INFO", *described), *vulnerabilities)),
    )


def _vulnerability(row: Row, title: str) -> Xml:
    rule = row.rule
    data = {
        "Vuln_Num": rule.id, "Severity": SEVERITY[row.result.severity], "Group_Title": rule.theme,
        "Rule_ID": rule_name(rule.id), "Rule_Ver": rule.id, "Rule_Title": rule.title,
        "Vuln_Discuss": discussion(row), "IA_Controls": "",
        "Check_Content": check(rule), "Fix_Text": rule.remediation.text, "False_Positives": "", "False_Negatives": "",
        "Documentable": "false", "Mitigations": "", "Potential_Impact": "", "Third_Party_Tools": "",
        "Mitigation_Control": "", "Responsibility": "", "Security_Override_Guidance": "", "Check_Content_Ref": "",
        "Weight": "10.0", "Class": "Unclass", "STIGRef": title, "TargetKey": "", "STIG_UUID": "",
    }  # fmt: skip
    verdict = {
        "STATUS": row.word.ckl, "FINDING_DETAILS": details(row), "COMMENTS": comments(row), "SEVERITY_OVERRIDE": "",
        "SEVERITY_JUSTIFICATION": "",
    }  # fmt: skip
    told = [_pair("STIG_DATA", ("VULN_ATTRIBUTE", key), ("ATTRIBUTE_DATA", value)) for key, value in data.items()]
    return element("VULN", *told, *_fields(verdict))


def _fields(fields: dict[str, str]) -> list[Xml]:
    return [element(name, text(value)) for name, value in fields.items()]


# the rules are the same for every host
@lru_cache(maxsize=8192)
def _pair(tag: str, name: tuple[str, str], value: tuple[str, str]) -> Xml:
    return element(tag, *_fields(dict((name, value))))
