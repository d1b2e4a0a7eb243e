"""Whether local accounts of a domain's machine can be used from other machines.

Reads: [Privilege Rights] of `secedit /export`: whether S-1-5-113 (local accounts) or S-1-5-114 (those of them that are
administrators), into which Windows puts every logon of such an account, or Everyone (S-1-1-0) are refused.
https://learn.microsoft.com/windows/win32/secauthz/well-known-sids
Needs: administrator rights.
Absent when: secedit fails or writes no whole export. Not applicable on a machine that belongs to no Active Directory
domain (one of Entra ID alone among them), where a local account may be the only way in from elsewhere, and on a domain
controller, which has none.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.security_policy import RIGHTS, exported
from hardencheck.probes.windows.settings import Facts
from hardencheck.probes.windows.user_rights import EVERYONE, SCRIPT, source

LOCAL, LOCAL_ADMINISTRATORS = "S-1-5-113", "S-1-5-114"
FACTS: dict[str, JsonSchema] = {
    "local_administrators_denied_network": {"type": "boolean"},
    "local_accounts_denied_remote_desktop": {"type": "boolean"},
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether local accounts are refused over the network and by Remote Desktop."""
    export, facts, system = exported(read(capture), "policy", RIGHTS), Facts(), context.system.windows
    if system.role == "domain_controller":
        return Observation.not_applicable("a domain controller has no local accounts")
    if system.joined is False:
        return Observation.not_applicable("this machine belongs to no Active Directory domain")
    if system.joined is None or system.role is None:
        return Observation.not_collected("it is not known whether this machine belongs to a domain, and as what")
    if export.why:
        return Observation.not_collected(export.why)
    network, remote = "SeDenyNetworkLogonRight", "SeDenyRemoteInteractiveLogonRight"
    refused = {LOCAL, LOCAL_ADMINISTRATORS, EVERYONE} & set(export.holders(network))
    facts.put("local_administrators_denied_network", bool(refused), source(export, network))
    refused = {LOCAL, EVERYONE} & set(export.holders(remote))
    facts.put("local_accounts_denied_remote_desktop", bool(refused), source(export, remote))
    return facts.observation()


PROBE = Probe(
    id="windows.local_account_logon",
    title="Local accounts over the network",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=45,
    max_bytes=64 * 1024,
)
