"""HR's roster against the accounts of this host: leavers, absent people, vendors, strangers and shared logins.

The roster stays on the controller; the host tells of all its accounts alike. A login and an account are one when they
differ in case alone. A leaver's account is closed when PAM refuses it and nothing of its owner runs; or when its
password is locked, its shell lets nobody in, and it has neither SSH keys nor rights in sudoers nor jobs (crontab, at,
services with its name in /etc/systemd/system, lingering user manager) nor processes. A locked password alone closes
nothing: keys, cron and su go on. A day has ended when it is over both in UTC and in the host's own zone.

Reads: /etc/passwd, /etc/shadow (no hash leaves the host), each account's authorized_keys (counted), /etc/group,
sudoers (through `cvtsudoers`), the crontabs and at jobs (whose, not what), the users of running processes, lastlog,
wtmp, and what sshd logged.
Needs: root, and a roster.
Facts: lists of logins, each with what was found: `leavers_enabled`; `leavers_seen_after_last_day`;
`absconders_enabled`, who has been absent for more than `absconder_max_days`; `vendors_past_contract`, whose account
is open although the contract has ended, or will outlive it; `accounts_off_roster`, accounts that can log in and are
neither on the roster nor among the `service_accounts`; `shared_logins`, which the roster gives to several people.
Absent when: a directory (LDAP, SSSD, NIS) may hold the account of somebody who has none in the files; sshd finds keys
elsewhere than in files; sudoers cannot be read; no record of logins can be read.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import account_uses, last_logins, local_accounts
from hardencheck.probes.linux.group_file import SCRIPT as GROUPS
from hardencheck.probes.linux.roster_join import Join, Verdict
from hardencheck.probes.output import read

SCRIPT = "answer users\n" + GROUPS + account_uses.SCRIPT

_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = dict.fromkeys(
    (
        "leavers_enabled",
        "leavers_seen_after_last_day",
        "absconders_enabled",
        "vendors_past_contract",
        "accounts_off_roster",
        "shared_logins",
    ),
    _NAMES,
)
_UNDONE = "/etc/passwd, /etc/shadow, authorized_keys, sudoers, crontabs, at jobs and processes"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what the roster and this host do not agree on."""
    if context.roster is None:
        return Observation.not_collected("no roster was given")
    join = Join(read(capture), context, context.roster)
    found: dict[str, Verdict] = {
        "leavers_enabled": join.leavers_enabled(),
        "leavers_seen_after_last_day": join.leavers_seen(),
        "absconders_enabled": join.absconders_enabled(),
        "vendors_past_contract": join.vendors_past_contract(),
        "accounts_off_roster": join.accounts_off_roster(),
        "shared_logins": join.shared_logins(),
    }
    known = {name: verdict for name, verdict in found.items() if verdict.offenders or not verdict.doubts}
    missing = {name: "; ".join(sorted(verdict.doubts)) for name, verdict in found.items() if name not in known}
    read_from = dict.fromkeys(known, _UNDONE)
    read_from["leavers_seen_after_last_day"] = ", ".join(join.logins.sources) or "no record of logins"
    read_from["accounts_off_roster"] = "/etc/passwd, /etc/shadow and authorized_keys"
    facts = {name: local_accounts.listed(verdict.offenders) for name, verdict in known.items()}
    return Observation.of(facts, {name: where for name, where in read_from.items() if name in facts}, missing)


PROBE = Probe(
    id="linux.roster",
    title="Accounts of people who should have none",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=30,
    max_bytes=1024 * 1024,
    parameters={"absconder_max_days": {"type": "integer"}, "service_accounts": _NAMES},
    reads_roster=True,
    asks=last_logins.ASKS,
)
