"""What every way to reach a host has in common, and the reason codes that its errors carry.

| error | reason | means |
|---|---|---|
| Unreachable | name_not_found | the address does not resolve |
| | connection_refused, no_route, no_answer | nothing listens there, no way there, no answer to our SYN |
| | not_ssh, no_common_algorithm, protocol_error | something else answers, or it cannot agree with us |
| | handshake_lost, authentication_lost, start_lost, jump_lost | the connection ended before the script was started |
| | flood | the host sent more before the script was started than any host may |
| | exec_refused | the account may log in but not run a command |
| | jump_refused | the jump host could not or would not connect further |
| | not_recorded | a replay holds no answer of this host |
| | host_settings | the inventory forbids connecting to this host (`Host.problem`) |
| HostKeyRejected | host_key_unknown, host_key_changed, host_key_revoked | see known_hosts |
| | host_certificate_invalid | signed by a trusted CA, but expired or for another host |
| AuthenticationFailed | authentication_failed | the host refused what we offered |
| | no_credential | the inventory names none, and there is neither an agent nor a default key |
| | key_unreadable, key_needs_passphrase | the key file cannot be used |
| | agent_failed | the ssh-agent holds the key but does not sign |
| | password_expired, second_factor_required | the host wants more than a stored credential |
| | become_user_invalid, become_password_invalid | the settings for sudo cannot be used |
| TimedOut | connect_timed_out, handshake_timed_out, authentication_timed_out, start_timed_out | the deadline passed |
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
        """Run `payload` with /bin/sh on the host and return what it answered.

        Raises a TransportError when nothing could be run. Once the script has been started there is always an
        Exchange, whose `ended` says why reading stopped; nothing takes longer than `limits.deadline` seconds.
        """

    def close(self) -> None:
        """Give back what is shared between hosts; the instance is not used afterwards."""
