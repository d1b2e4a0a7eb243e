"""What every way to reach a host has in common, and the reason codes that its errors carry.

| error | reason | means |
|---|---|---|
| Unreachable | name_not_found | the address does not resolve |
| | connection_refused, no_route, no_answer | nothing listens there, no way there, no answer to our SYN |
| | not_ssh, not_winrm, no_common_algorithm, protocol_error | something else answers, or it cannot agree with us |
| | service_unavailable | the host's web service answers, but WinRM does not |
| | handshake_lost, authentication_lost, start_lost, jump_lost | the connection ended before the script was started |
| | flood | the host sent more before the script was started than any host may |
| | exec_refused | the account may log in but not run a command |
| | quota | the account has too many shells or operations open at a Windows host |
| | jump_refused | the jump host could not or would not connect further |
| | not_recorded | a replay holds no answer of this host |
| | host_settings | the inventory forbids connecting to this host (`Host.problem`) |
| HostKeyRejected | host_key_unknown, host_key_changed, host_key_revoked | see known_hosts |
| | host_certificate_invalid | signed by a trusted CA, but expired or for another host |
| | certificate_untrusted, certificate_expired, certificate_wrong_name, certificate_invalid | TLS of a Windows host |
| | certificate_authority_unreadable | the file of the CAs to trust cannot be used |
| AuthenticationFailed | authentication_failed | the host refused what we offered |
| | no_credential | the inventory names none, and there is neither an agent nor a default key |
| | authentication_not_offered | the host does not take what we may log in with; it got no credential |
| | access_denied | the host let the account in, but not open a remote shell |
| | client_certificate_refused | the host does not know the certificate, or no account for it |
| | kerberos_not_installed, kerberos_no_kdc, kerberos_clock_skew | nothing can be asked of the domain |
| | kerberos_unknown_account, kerberos_no_ticket, kerberos_ticket_expired | the domain gives the account no ticket |
| | kerberos_no_spn, kerberos_ticket_refused, kerberos_failed | a ticket for this host does not work |
| | key_unreadable, key_needs_passphrase | the key file cannot be used |
| | agent_failed | the ssh-agent holds the key but does not sign |
| | password_expired, second_factor_required | the host wants more than a stored credential |
| | become_user_invalid, become_password_invalid | the settings for sudo cannot be used |
| CredentialSuspended | credential_suspended | other hosts refused the password; it was not sent to this one |
| TimedOut | credential_wait_timed_out | other hosts were still trying the same password |
| | connect_timed_out, handshake_timed_out, authentication_timed_out, start_timed_out | the deadline passed |
"""

from __future__ import annotations

from typing import Protocol

from hardencheck.model.capture import Exchange, Limits
from hardencheck.model.host import Host

#: How much of a host's standard error is kept.
STDERR_BYTES = 16 * 1024


class Transport(Protocol):
    """A way to run one script on one host; one instance is shared by all worker threads."""

    def run(self, host: Host, payload: bytes, limits: Limits) -> Exchange:
        """Run `payload` on the host, with /bin/sh or on Windows with PowerShell, and return what it answered.

        Raises a TransportError when nothing could be run. Once the script has been started there is always an
        Exchange, whose `ended` says why reading stopped; nothing takes longer than `limits.deadline` seconds.
        """

    def close(self) -> None:
        """Give back what is shared between hosts; the instance is not used afterwards."""
