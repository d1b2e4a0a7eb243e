"""Whether an auth stack lets people in whatever they type: an exception for a group, or a module that always permits.

The stack is played as an ordinary user who knows no password and has no token. Modules that make exceptions
(pam_succeed_if, pam_wheel with `trust`, pam_listfile) are asked both ways: whoever the exception is for needs none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardencheck.probes.linux.pam import Handler, Stack
from hardencheck.probes.linux.pam_dispatch import dispatch
from hardencheck.probes.linux.pam_modules import World, answer, unknown_modules, worlds

_QUIET = ("quiet", "quiet_success", "quiet_fail", "use_uid", "debug", "audit")
_COUNTING = ("pam_faillock", "pam_tally2")
#: They want a password, a token, a finger or a key; who has none is refused.
_ASKING = """pam_unix pam_unix2 pam_u2f pam_yubico pam_duo pam_google_authenticator pam_oath pam_otpw pam_ssh_agent_auth
pam_pkcs11 pam_p11 pam_radius_auth pam_radius pam_tacplus pam_fprintd_grosshack pam_userdb pam_mysql pam_pgsql pam_aad
pam_himmelblau pam_authd"""
_PROOFS = frozenset(_ASKING.split())


@dataclass(frozen=True, slots=True)
class Bypass:
    """Whether some user gets in without any proof (None: nobody can tell), by which line, or why that is not known.

    `who` is for whom that line is: an account, `%group`, or `ALL`.
    """

    open: bool | None
    text: str = ""
    who: str = "ALL"


def bypass(stack: Stack, *, of_root: bool) -> Bypass:
    """Return whether the stack lets somebody in whatever he types.

    `of_root` says that the service asks for the user that one becomes, as su does: that is root. sudo and doas ask for
    the one who calls.
    """
    if stack.unreadable:
        return Bypass(None, f"{stack.unreadable} cannot be read")
    if stack.denied:
        return Bypass(False)
    groups = worlds(stack.handlers, _known)
    if not groups:
        return Bypass(None, f"{stack.service}: too many modules whose answers are not known")
    let_in = [
        [found for world in group if (found := _lets_in(stack, world, of_root=of_root)) is not None] for group in groups
    ]
    if all(let_in):
        by = let_in[0][0][-1]
        return Bypass(True, f"{stack.service}: {by.where} {by.module}", _who(by))
    if any(let_in):
        names = ", ".join(unknown_modules(stack.handlers, _known))
        return Bypass(None, f"{stack.path}: that depends on {names}, whose answers are not known")
    return Bypass(False)


def _who(handler: Handler) -> str:
    if handler.module == "pam_wheel" and (group := handler.option("group")):
        return f"%{group}"
    found = re.fullmatch(r"user (?:(ingroup)|=|eq) ([^ ]+)", " ".join(arg for arg in handler.args if arg not in _QUIET))
    return f"{'%' if found[1] else ''}{found[2]}" if found and handler.module == "pam_succeed_if" else "ALL"


def _lets_in(stack: Stack, world: World, *, of_root: bool) -> list[Handler] | None:
    """Return the handlers that say yes in this world when it ends well, else None."""
    yes: list[Handler] = []

    def call(handler: Handler) -> str:
        if handler.module in _COUNTING:
            return "ignore" if "authfail" in handler.args else "success"
        if handler.module in _PROOFS:
            return "auth_err"
        found = (_for_root(handler) if of_root else "") or answer(handler, world)
        if found == "success":
            yes.append(handler)
        return found

    return yes if dispatch(stack.handlers, call) == "success" and yes else None


def _for_root(handler: Handler) -> str:
    """Return what pam_succeed_if says of root as the user; empty for what concerns the caller, or is not known."""
    if handler.module != "pam_succeed_if" or "use_uid" in handler.args:
        return ""
    words = [arg for arg in handler.args if arg not in _QUIET]
    if len(words) != 3 or words[0] not in ("user", "uid"):
        return ""
    mine = "root" if words[0] == "user" else "0"
    holds = {
        "=": words[2] == mine,
        "eq": words[2] == mine,
        "!=": words[2] != mine,
        "ne": words[2] != mine,
        "in": mine in words[2].split(":"),
        "ingroup": words[2] == "root",
        "notingroup": words[2] != "root",
        "<": words[2] != "0",
        ">=": words[2] == "0",
    }.get(words[1])
    return "" if holds is None else "success" if holds else "auth_err"


def _known(handler: Handler) -> bool:
    return handler.module in _PROOFS or handler.module in _COUNTING
