"""The guard of a run on a Windows host: as `hardencheck.remediate.guard` for Linux, in PowerShell 5.1.

The host keeps what is touched under %ProgramData%\\hardencheck, for SYSTEM and the administrators alone; the controller
keeps digests. They are salted by the host for each run: what is touched may be a password, and the digest of a short
text is as good as the text.

    begin   -> begun        copies what may be touched; arms the timer before it answers, so that a lost answer is safe
    confirm -> confirmed    disarms the timer, and writes down what the run has left; a second one answers the same
    undo    -> undone       puts back what the run has changed, and nothing that another one has changed since

The timer is a task of SYSTEM that also runs when Windows starts. The transport repeats a script whose connection was
lost, so each of them may come twice: a second `begin` tells what the first one kept and copies nothing anew, a second
`undo` tells what the first one put back. None of this was ever run on Windows by this project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import Setting, Settled, Snapshot, State, Undone
from hardencheck.remediate import guard_answers as answers
from hardencheck.remediate.guard_answers import SHA

_PARTS = ("guard_windows_state.ps1", "guard_windows_restore.ps1", "guard_windows_undo.ps1", "guard_windows_run.ps1")
_KEY = re.compile(r"HKLM:\\(SOFTWARE|SYSTEM)(\\[A-Za-z0-9 {}._/-]{1,200}){1,20}")
_SERVICE = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_RIGHT = re.compile(r"Se[A-Z][A-Za-z]{1,60}(Privilege|Right)")
_LOG = re.compile(r"event log [A-Za-z0-9/-]{1,200}")
#: how the script keeps what a playbook declares under `policies`, beside user rights and event logs
_POLICIES = {
    "AttackSurfaceReductionRules": "surface",
    "audit policy": "audit",
    "firewall": "firewall",
    "SMB signing": "signing",
    # of the security policy, by secedit's names
    **dict.fromkeys(
        (
            "AllowAdministratorLockout",
            "ClearTextPassword",
            "EnableGuestAccount",
            "LockoutBadCount",
            "LockoutDuration",
            "MaximumPasswordAge",
            "MinimumPasswordAge",
            "MinimumPasswordLength",
            "PasswordComplexity",
            "PasswordHistorySize",
            "ResetLockoutCount",
        ),
        "security",
    ),
    # of Microsoft Defender Antivirus, by the names of Get-MpPreference
    **dict.fromkeys(
        (
            "AllowNetworkProtectionDownLevel",
            "AllowNetworkProtectionOnWinServer",
            "DisableBlockAtFirstSeen",
            "DisableIOAVProtection",
            "DisableRemovableDriveScanning",
            "EnableNetworkProtection",
            "MAPSReporting",
            "PUAProtection",
            "SubmitSamplesConsent",
        ),
        "preference",
    ),
}
#: the policies of which the host tells parts, and what these may be called
_PARTED = {
    "AttackSurfaceReductionRules": re.compile("[0-9a-f-]{36}"),
    "audit policy": re.compile(r"\{0cce92[0-9a-f-]{30}\}"),
    "firewall": re.compile("Domain|Private|Public|hardencheck-winrm"),
    "SMB signing": re.compile("server|client"),
}
_SETTING = re.compile(rf"(key|value|service|policy) ([a-z]{{1,20}}(?:,[a-z]{{1,20}})?) ({SHA}) ([ -~]{{1,4200}})")
_PART = re.compile(r"(.+?) \[([^\[\]]*)\]")
_NOUNS = "key|value|service|policy"
_LANGUAGE = re.compile(rb'"i":"language","ok":true,"v":"([A-Za-z]{1,40})"')


def unkept(touches: Touches) -> str:
    """Return what of this the guard cannot put back although the playbook does not say so; "" when there is none."""
    if touches.files or touches.kernel:
        return "files"
    if touches.packages and not touches.irreversible:
        return "features"
    # accounts that are switched off by the security policy are switched on by it
    if touches.accounts and not any(_POLICIES.get(name) == "security" for name in touches.policies):
        return "accounts"
    return next((name for name in touches.policies if not _kind(name)), "")


def begin(run: str, touches: Touches, timer: int | None) -> bytes:
    """Return the script that copies what the run may touch, and arms the revert in `timer` seconds (None: never).

    Raises RemediationError when the run or what it touches has a name that no host could be given.
    """
    answers.check_timer(timer)
    return _script("begin", run, f"$HcTimer = {timer or 0}", _here("HcTouched", "\n".join(_touched(touches))))


def begun(answer: bytes, run: str, touches: Touches) -> Snapshot:
    """Read the answer to `begin`; raises RemediationError with what went wrong: nothing is armed, and nothing kept."""
    _check_language(answer)
    revert, lines = answers.kept(answer, run, _revert(run), _touched(touches))
    state = _state(lines, touches)
    told = {_whole(setting) for setting in state.settings}
    if not told.issuperset((*touches.registry, *touches.services, *touches.policies)):
        raise answers.not_kept()
    return Snapshot(run, answers.digest(answer), revert, state)


def confirm(run: str) -> bytes:
    """Return the script that keeps the host from reverting, and says what the run has left."""
    return _script("confirm", run)


def confirmed(answer: bytes, run: str, touches: Touches) -> Settled:
    """Read the answer to `confirm`: whether it came in time, and what is there now; raises RemediationError."""
    _check_language(answer)
    outcome, lines = answers.lines(answer, run, {"confirmed", "reverted", "reverting"})
    return Settled(run, outcome, answers.digest(answer), _state(lines, touches))


def undo(run: str, snapshot: Snapshot, after: Settled | None, *, force: bool) -> bytes:
    """Return the script that puts back what the run has changed; `force`: also where somebody has changed it since.

    Without `after`, the host's own word counts for what the run left; where it has none, all that is not as before the
    run is taken for its work.
    """
    before, left = answers.known_digests(run, snapshot, after)
    forced = "$true" if force else "$false"
    return _script("undo", run, f"$HcExpected = '{before}'\n$HcExpectedAfter = '{left}'\n$HcForce = {forced}")


def undone(answer: bytes, run: str) -> Undone:
    """Read the answer to `undo`; raises RemediationError with the reason when nothing was put back."""
    _check_language(answer)
    return answers.undone(answer, run, _NOUNS)


@cache
def _program() -> str:
    folder = files("hardencheck.remediate")
    return "\n".join((folder / part).read_text(encoding="ascii").strip("\n") for part in _PARTS)


def _revert(run: str) -> bytes:
    """What the host runs by itself: the run has to be known before the program is read."""
    return f"$HcRun = '{run}'\n{_program()}\nInvoke-HcRevert\n".encode("ascii")


def _script(function: str, run: str, *variables: str) -> bytes:
    answers.check_run(run)
    lines = [
        f"$HcRun = '{run}'",
        *variables,
        _here("HcProgram", _program()),
        # standard input comes with line ends of the console
        "$HcProgram = $HcProgram -replace '\\r', ''",
        ". ([ScriptBlock]::Create($HcProgram))",
        # the last line is the first that does anything: half a script does nothing
        f"Invoke-HcGuard '{function}'",
    ]
    return ("\n".join(lines) + "\n").encode("ascii")


def _here(name: str, text: str) -> str:
    """Return the assignment of a here-string, in which nothing has a meaning but its own end."""
    if any(line.startswith("'@") for line in text.split("\n")):
        raise RemediationError("what is touched has a name that no host could be given")
    return f"${name} = @'\n{text}\n'@"


def _touched(touches: Touches) -> Iterator[str]:
    """What the host is told of what is touched, one line each."""
    if lost := unkept(touches):
        raise RemediationError(f"{lost}: no Windows host could put it back")
    for key in dict.fromkeys(touches.registry):
        if not _KEY.fullmatch(key) or any(part != part.strip() for part in key.split("\\")):
            raise RemediationError(f"{key!r} is no registry key that could be put back")
        yield f"registry {key}"
    for service in dict.fromkeys(touches.services):
        if not _SERVICE.fullmatch(service):
            raise RemediationError(f"{service!r} is no name of a service")
        yield f"service {service}"
    for policy in dict.fromkeys(touches.policies):
        yield f"{_kind(policy)} {policy}"


def _kind(policy: str) -> str:
    if _RIGHT.fullmatch(policy):
        return "security"
    return "log" if _LOG.fullmatch(policy) else _POLICIES.get(policy, "")


def _check_language(answer: bytes) -> None:
    """Say what it means when PowerShell did not even read the script."""
    if answer.startswith(b"HC1 ") and (found := _LANGUAGE.search(answer[:4096])):
        raise RemediationError(
            f"PowerShell runs in {found[1].decode()} there (WDAC, AppLocker), which lets no guard copy anything",
            hint="run the playbook by hand with ansible-playbook, or let scripts of this account run unrestricted",
        )


def _state(lines: list[str], touches: Touches) -> State:
    settings = []
    for line in lines:
        noun, _, rest = line.partition(" ")
        settings.append(rest) if noun == "setting" else answers.refuse(line)
    state = State(settings=answers.read(_SETTING, Setting, settings))
    names = [f"{setting.noun} {setting.name}".casefold() for setting in state.settings]
    if len(set(names)) != len(names):
        raise RemediationError("the host's answer says one thing twice")
    above = {
        "\\".join(parts[:end])
        for parts in (key.split("\\") for key in touches.registry)
        for end in range(3, len(parts))
    }
    for setting in state.settings:
        fits = {
            "key": setting.name in touches.registry or setting.name in above,
            "value": _PART.fullmatch(setting.name) is not None and _whole(setting) in touches.registry,
            "service": setting.name in touches.services,
            "policy": _is_policy(setting, touches),
        }
        if not fits[setting.noun]:
            answers.refuse(setting.name)
    return state


def _is_policy(setting: Setting, touches: Touches) -> bool:
    part = _PART.fullmatch(setting.name)
    if part is None:
        return setting.name in touches.policies
    return part[1] in touches.policies and part[1] in _PARTED and _PARTED[part[1]].fullmatch(part[2]) is not None


def _whole(setting: Setting) -> str:
    """The key of a value, or the policy of a part; else the name itself."""
    part = _PART.fullmatch(setting.name)
    return part[1] if part else setting.name
