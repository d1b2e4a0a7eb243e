"""Why a Windows host cannot be asked, step by step, from one real login and one small PowerShell script."""

from __future__ import annotations

import re
from collections.abc import Callable

from hardencheck.errors import TransportError
from hardencheck.model.capture import Exchange, Limits
from hardencheck.model.host import Host, WinRm, WinRmLogin
from hardencheck.transport.base import Transport
from hardencheck.transport.diagnose import State, Step, clock, printable, silence

_STEPS = (
    "dns",
    "port",
    "certificate",
    "authentication",
    "language_mode",
    "powershell",
    "bits",
    "privilege",
    "shells",
    "clock",
)
_CONNECTED = 4

#: Runs on Windows PowerShell 2.0 too, and reads only; one `name=value` a line. Where a value cannot be had, its line is
#: empty or missing. MaxShellsPerUser needs an administrator.
SCRIPT = r"""$ErrorActionPreference = 'SilentlyContinue'
$ProgressPreference = 'SilentlyContinue'
$HcMe = [Security.Principal.WindowsIdentity]::GetCurrent()
$HcRole = [Security.Principal.WindowsBuiltInRole]::Administrator
$HcEpoch = New-Object DateTime 1970, 1, 1, 0, 0, 0, ([DateTimeKind]::Utc)
'hardencheck-doctor'
'powershell=' + $PSVersionTable.PSVersion
'bits=' + (8 * [IntPtr]::Size)
'wow64=' + $env:PROCESSOR_ARCHITEW6432
'account=' + $HcMe.Name
'admin=' + (New-Object Security.Principal.WindowsPrincipal $HcMe).IsInRole($HcRole)
'shells=' + (Get-Item WSMan:\localhost\Shell\MaxShellsPerUser).Value
'clock=' + [Math]::Floor(([DateTime]::UtcNow - $HcEpoch).TotalSeconds)
'hardencheck-end'
"""

#: Which step failed, by how the reason of the error begins; what is not listed failed while it was connecting.
_FAILED_AT = (
    ("name_not_found", "dns"),
    ("host_settings", "dns"),
    ("certificate_", "certificate"),
    ("handshake_", "certificate"),
    ("no_common_algorithm", "certificate"),
    ("authentication_", "authentication"),
    ("client_certificate_", "authentication"),
    ("credential_", "authentication"),
    ("kerberos_", "authentication"),
    ("key_", "authentication"),
    ("no_credential", "authentication"),
    ("password_expired", "authentication"),
    ("access_denied", "privilege"),
    ("quota", "shells"),
    ("exec_refused", "powershell"),
    ("protocol_error", "powershell"),
    ("start_", "powershell"),
)

#: Refused before anything was sent.
_UNTRIED = ("host_settings", "no_credential", "kerberos_not_installed")

_CONSTRAINED = "let WDAC or AppLocker trust the scripts of this account, or check such hosts by hand"
_NOT_ADMIN = (
    "make the account an administrator of the host; local accounts lose these rights over the network, so use a domain "
    "account: hardencheck doctor --windows-setup"
)
_CLOCK = "Kerberos refuses more than 5 minutes: w32tm /query /status on the host, chronyc tracking here"


def diagnose(transport: Transport, host: Host, limits: Limits, now: Callable[[], float]) -> list[Step]:
    """Log in once, run one harmless script, and return every step in order: dns to clock.

    `now` is this machine's clock in seconds since the epoch.
    """
    before = now()
    try:
        exchange = transport.run(host, SCRIPT.encode("ascii"), limits)
    except TransportError as error:
        return _stopped(host, error)
    steps = _connected(host)
    mode = _language_mode(exchange.stdout)
    if mode is not None:
        told = Step("language_mode", State.FAILED, f"PowerShell runs in {mode}: no check can look", _CONSTRAINED)
        return [*steps, told, *_not_tried(_STEPS[_CONNECTED + 1 :])]
    facts = _facts(exchange.stdout)
    if facts is None:
        untold = _not_tried(_STEPS[_CONNECTED + 2 :])
        return [*steps, Step("language_mode", State.NOT_TRIED, ""), _no_answer(exchange), *untold]
    return [
        *steps,
        Step("language_mode", State.OK, "FullLanguage"),
        _powershell(facts, exchange.duration),
        _bits(facts),
        _privilege(facts),
        _shells(facts),
        _clock(facts, before, now()),
    ]


def _stopped(host: Host, error: TransportError) -> list[Step]:
    step = next((step for sign, step in _FAILED_AT if error.reason.startswith(sign)), "port")
    failed = _STEPS.index(step)
    early = [] if error.reason in _UNTRIED else _connected(host)[:failed]
    return [
        *early,
        *_not_tried(_STEPS[len(early) : failed]),
        Step(_STEPS[failed], State.FAILED, error.message, error.hint or ""),
        *_not_tried(_STEPS[failed + 1 :]),
    ]


def _not_tried(names: tuple[str, ...]) -> list[Step]:
    return [Step(name, State.NOT_TRIED, "") for name in names]


def _connected(host: Host) -> list[Step]:
    """Say what must have worked when a login came to its shell."""
    winrm = host.winrm or WinRm()
    trusted = winrm.ca or "this machine's CAs"
    certificate = f"valid for {host.address}, vouched for by {trusted}"
    if winrm.scheme == "http":
        certificate = "none: plain HTTP; messages are encrypted, but with NTLM nothing proves that it is this host"
    by = f"certificate {winrm.certificate}" if winrm.login is WinRmLogin.CERTIFICATE else f"{host.user}"
    return [
        Step("dns", State.OK, f"{host.address} has an address"),
        Step("port", State.OK, f"WinRM answers on port {host.port} ({winrm.scheme})"),
        Step("certificate", State.OK, certificate),
        Step("authentication", State.OK, f"logged in as {by}"),
    ]


def _language_mode(stdout: bytes) -> str | None:
    """Return the mode that the bootstrap tells in place of the script, None when the script ran."""
    text = stdout.decode("ascii", "replace")
    for mode in ("ConstrainedLanguage", "RestrictedLanguage", "NoLanguage"):
        if f'"{mode}"' in text:
            return f"{mode} mode"
    return None


def _facts(stdout: bytes) -> dict[str, str] | None:
    """Return what the script told, None when it did not come to its end."""
    lines = [line.strip() for line in stdout.decode("utf-8", "replace").splitlines()]
    if "hardencheck-doctor" not in lines or "hardencheck-end" not in lines:
        return None
    told = lines[lines.index("hardencheck-doctor") + 1 : lines.index("hardencheck-end")]
    return {name: value for name, separator, value in (line.partition("=") for line in told) if separator}


def _powershell(facts: dict[str, str], seconds: float) -> Step:
    told = facts.get("powershell", "")
    version = tuple(int(part) if re.fullmatch("[0-9]{1,4}", part) else 0 for part in told.split(".")[:2])
    if version >= (5, 1):
        return Step("powershell", State.OK, f"version {_text(told)} answered in {seconds:.1f} s")
    hint = "install Windows Management Framework 5.1"
    return Step("powershell", State.FAILED, f"version {_text(told) or 'unknown'}, the checks need 5.1", hint)


def _bits(facts: dict[str, str]) -> Step:
    if facts.get("bits") == "64":
        return Step("bits", State.OK, "64-bit process")
    if facts.get("wow64"):
        hint = "the host starts a 32-bit shell, which sees another registry: look at its WinRM plug-in configuration"
        return Step("bits", State.FAILED, "32-bit process on a 64-bit system", hint)
    return Step("bits", State.OK, "32-bit system")


def _privilege(facts: dict[str, str]) -> Step:
    account = _text(facts.get("account", "")) or "an account that it does not tell"
    if facts.get("admin") == "True":
        return Step("privilege", State.OK, f"{account} is an administrator")
    message = f"{account} is no administrator; what only administrators may read stays unknown"
    return Step("privilege", State.NOT_TRIED, message, _NOT_ADMIN)


def _shells(facts: dict[str, str]) -> Step:
    told = facts.get("shells", "")
    if not told.isdigit():
        return Step("shells", State.OK, "one could be opened; the host does not tell how many more")
    return Step("shells", State.OK, f"up to {_text(told)} at a time for this account")


def _clock(facts: dict[str, str], before: float, after: float) -> Step:
    told = facts.get("clock", "")
    if not re.fullmatch("[0-9]{1,12}", told):
        return Step("clock", State.NOT_TRIED, "the host told no time")
    return clock(int(told), before, after, _CLOCK)


def _no_answer(exchange: Exchange) -> Step:
    said = _text((exchange.stderr or exchange.stdout)[:400].decode("utf-8", "replace")).strip()
    return Step(
        "powershell",
        State.FAILED,
        f"PowerShell was started, but did not answer: {silence(exchange, said)}",
        "may the account run powershell.exe there (AppLocker, antivirus)? see Microsoft-Windows-PowerShell/Operational",
    )


def _text(text: str) -> str:
    """Return what a host said, shortened and without anything that a terminal would act upon."""
    return printable(text[:400])
