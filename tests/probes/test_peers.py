"""Faults that users reported of other tools: each that these probes could repeat is a capture that names it.

CaC is ComplianceAsCode/content; the others are named as their repositories are.
"""

from __future__ import annotations

import re

from tests.probes.cases import all_cases

PEERS = {peer: case for case in all_cases() for peer in case.peers}
REPORTED = {
    "AlmaLinux/deploy#177", "AsBuiltReport.Microsoft.Windows#31", "AuditTAP#48", "CSS-Exchange#2381", "CaC PR#10175",
    "CaC PR#2171", "CaC PR#4366", "CaC PR#4376", "CaC PR#8026", "CaC PR#9138", "CaC PR#9954", "CaC#11141",
    "CaC#11221", "CaC#11907", "CaC#12074", "CaC#13079", "CaC#1642", "CaC#2197", "CaC#2259", "CaC#5536", "CaC#6597",
    "CaC#6739", "CaC#9132", "CaC#9201", "DefGuard/defguard#3116", "Hardening-Audit-Tool-AuditTAP#158",
    "Hardening-Audit-Tool-AuditTAP#147",
    "Hardening-Audit-Tool-AuditTAP#638", "HardeningKitty#36", "ParetoSecurity/agent#45", "PatchMon#867",
    "PowerShell-DSC-for-Linux#811", "RHEL7-STIG PR#272", "USBGuard#155", "USBGuard#314", "USBGuard#472",
    "USBGuard#484", "aartool PR#155", "amazon-linux-2023#1125", "ansible-lockdown/RHEL9-CIS#58", "apotrope PR#93",
    "audit-userspace#355", "audit-userspace#390", "cnspec PR#3138", "cnspec#3682", "cnspec#3687", "debian-cis PR#266",
    "harbian-audit#43", "heinzel#24", "lynis PR#896", "lynis#1019", "lynis#1091", "lynis#118", "lynis#1180",
    "lynis#122", "lynis#1241", "lynis#1259", "lynis#1262", "lynis#1322", "lynis#1354", "lynis#1407", "lynis#1478",
    "lynis#1500", "lynis#1510", "lynis#1625", "lynis#1700", "lynis#1721", "lynis#270", "lynis#273", "lynis#461",
    "lynis#576", "lynis#579", "lynis#764", "lynis#767", "lynis#81", "lynis#906", "lynis#999",
    "microsoft-365-docs PR#12385", "node-exporter-textfile-collector-scripts PR#207",
    "opdavies/ansible-role-yum-cron#6", "pavois#162", "ubuntu-pro-client#1548", "ubuntu-pro-client#3471",
    "ubuntu-security-guide#36", "wazuh#14235", "wazuh#29618", "wazuh#32351", "wazuh#33748", "wazuh#34259",
    "wazuh#34496", "yum-utils#36",
    "BuildReview-Windows#1", "Hardening-Audit-Tool-AuditTAP#775", "cnspec#3667", "mql PR#10390", "wazuh-qa#3021",
    "RemoveWindowsAI#244", "fusioninventory-agent#701", "microsoft-365-docs#9775", "mql PR#10372", "mql PR#10381",
    "imabdk/Toast-Notification-Script#43",
}  # fmt: skip


def test_every_reported_fault_has_its_capture() -> None:
    assert set(PEERS) == REPORTED


def test_a_report_is_named_by_repository_and_number() -> None:
    assert [peer for peer in PEERS if not re.fullmatch(r"[A-Za-z0-9./-]+( PR)?#[0-9]+", peer)] == []
