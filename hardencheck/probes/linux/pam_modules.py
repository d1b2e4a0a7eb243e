"""What PAM modules return to a local user who is not root and knows nothing but a password.

Three kinds of modules: those that always answer the same in this question (`FIXED`), those that answer differently
for different users, times or groups (`DEPENDS`: an administrator's exception), and those that we do not know. A
question to a stack is asked in every world, a world being one answer for each module of the last two kinds.
Sources: the modules' manual pages in Linux-PAM 1.3 to 1.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import product

from hardencheck.probes.linux.pam import Handler

#: A module and its arguments: one line's module gives one answer in one world.
Key = tuple[str, tuple[str, ...]]
World = dict[Key, str]

_IGNORES = (
    "pam_cap pam_ck_connector pam_env pam_faildelay pam_gnome_keyring pam_group pam_issue pam_keyinit pam_kwallet "
    "pam_kwallet5 pam_lastlog pam_limits pam_loginuid pam_mail pam_mkhomedir pam_motd pam_nologin pam_selinux "
    "pam_selinux_permit pam_sepermit pam_systemd pam_tty_audit pam_umask pam_warn"
)
_SUCCEEDS = "pam_permit pam_localuser pam_securetty pam_shells pam_echo"
# they know other users than those of /etc/passwd, or another proof than a password
_REFUSES = (
    "pam_sss pam_ldap pam_winbind pam_krb5 pam_lsass pam_systemd_home pam_nis pam_sss_gss pam_fprintd pam_rhosts "
    "pam_timestamp pam_rootok"
)
FIXED = {
    **dict.fromkeys(_IGNORES.split(), "ignore"),
    **dict.fromkeys(_SUCCEEDS.split(), "success"),
    **dict.fromkeys(_REFUSES.split(), "user_unknown"),
    "pam_deny": "auth_err",
}
DEPENDS = {"pam_succeed_if", "pam_listfile", "pam_access", "pam_time", "pam_wheel"}
_UNKNOWN_ANSWERS = ("ignore", "success", "auth_err")
_DEPENDING_ANSWERS = ("success", "auth_err")
_MAX_WORLDS = 729

_UID = re.compile(r"[0-9]{1,18}")
_LOCAL_UID = 1000  # the first uid of ordinary users on every family


def key(handler: Handler) -> Key:
    """Return what identifies the answer of this handler's module in a world."""
    return handler.module, handler.args


def fixed_answer(handler: Handler) -> str | None:
    """Return the return code that this module always gives, or None when that depends or is not known."""
    if handler.module == "pam_usertype":
        return "success" if "isregular" in handler.args else "auth_err"
    if handler.module == "pam_succeed_if":
        return _succeed_if([arg for arg in handler.args if arg.partition("=")[0] not in _SUCCEED_IF_FLAGS])
    return FIXED.get(handler.module)


_SUCCEED_IF_FLAGS = {"debug", "use_uid", "quiet", "quiet_fail", "quiet_success", "audit"}


def _succeed_if(words: list[str]) -> str | None:
    """Answer pam_succeed_if's conditions for an ordinary user, as far as that can be told."""
    if not words or len(words) % 3:
        return None
    answers = [_condition(*words[index : index + 3]) for index in range(0, len(words), 3)]
    if False in answers:
        return "auth_err"
    return None if None in answers else "success"


def _condition(left: str, operator: str, right: str) -> bool | None:
    if left == "user" and right == "root" and operator in ("=", "eq", "!=", "ne"):
        return operator in ("!=", "ne")
    if left != "uid" or not (number := _UID.fullmatch(right)):
        return None
    limit = int(number[0])
    answers = {
        "lt": limit > _LOCAL_UID, "<": limit > _LOCAL_UID, "le": limit >= _LOCAL_UID, "<=": limit >= _LOCAL_UID,
        "ge": limit <= _LOCAL_UID, ">=": limit <= _LOCAL_UID, "gt": limit < _LOCAL_UID, ">": limit < _LOCAL_UID,
        "eq": None, "=": None, "ne": None, "!=": None,
    }  # fmt: skip
    return answers.get(operator)


def unknown_modules(handlers: Iterable[Handler], known: Callable[[Handler], bool]) -> list[str]:
    """Return the names of the modules whose behaviour is not known; `known` names those the caller answers for."""
    return sorted({handler.module for handler in handlers if _open(handler, known) and not _depends(handler)})


def worlds(handlers: Iterable[Handler], known: Callable[[Handler], bool]) -> list[list[World]]:
    """Return the worlds in groups: one group per answer of the unknown modules, in it one world per exception.

    A promise that is broken in one world of a group is broken; when groups differ, nobody can tell. The list is empty
    when there are too many to go through.
    """
    handlers = tuple(handlers)
    open_ = [handler for handler in handlers if _open(handler, known)]
    depending = list(dict.fromkeys(key(handler) for handler in open_ if _depends(handler)))
    unknown = list(dict.fromkeys(key(handler) for handler in open_ if not _depends(handler)))
    if len(_DEPENDING_ANSWERS) ** len(depending) * len(_UNKNOWN_ANSWERS) ** len(unknown) > _MAX_WORLDS:
        return []
    return [
        [
            {**dict(zip(unknown, answers, strict=True)), **dict(zip(depending, exceptions, strict=True))}
            for exceptions in product(_DEPENDING_ANSWERS, repeat=len(depending))
        ]
        for answers in product(_UNKNOWN_ANSWERS, repeat=len(unknown))
    ]


def _open(handler: Handler, known: Callable[[Handler], bool]) -> bool:
    return handler.kind == "module" and not known(handler) and fixed_answer(handler) is None


def _depends(handler: Handler) -> bool:
    return handler.module in DEPENDS


def answer(handler: Handler, world: World) -> str:
    """Return what this handler's module returns in this world."""
    return fixed_answer(handler) or world[key(handler)]
