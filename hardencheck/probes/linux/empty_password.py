"""Whether an auth stack lets an account in that has no password, and which lines say `nullok`.

The stack is played as a user whose password field is empty, with a pam_unix that takes it where its arguments say so.
Worlds in which a right password is refused too, or any is taken, tell nothing about `nullok`. An exception for some
people (pam_succeed_if, pam_listfile ...) that takes any password lets them in without one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from hardencheck.probes.linux.pam import Configuration, Handler, Stack
from hardencheck.probes.linux.pam_dispatch import dispatch
from hardencheck.probes.linux.pam_modules import World, answer, key, unknown_modules, worlds
from hardencheck.probes.linux.pam_unix import NULLOK, UNIX, takes_empty

_COPY = re.compile(r"~$|[.](bak|old|orig|save|pam-old|rpmnew|rpmsave|rpmorig|dpkg-[a-z]+|ucf-[a-z]+)$")
_COUNTING = ("pam_faillock", "pam_tally2")


def lets_in(stack: Stack, nobody: Collection[str], *, whatever: bool) -> tuple[bool | None, str]:
    """Return whether the stack lets in an account without a password, None when nobody can tell; and where or why.

    A stack that takes any password counts only where `whatever` says so: some services are not for logging in.
    `nobody` are the groups that nobody is in.
    """
    if stack.unreadable:
        return None, f"{stack.unreadable} cannot be read"
    groups = worlds(stack.handlers, _known)
    if not groups:
        return None, "too many modules whose answers are not known"
    if whatever and all(_accepts(stack, world, _wrong) for group in groups for world in group):
        return True, "lets people in whatever the password"
    if whatever and all(exceptions := [_exception(stack, group, nobody) for group in groups]):
        return True, f"whatever the password, {exceptions[0]}"
    answers = {_answer(stack, group) for group in groups} - {None}
    if len(answers) > 1:
        names = ", ".join(unknown_modules(stack.handlers, _known))
        return None, f"that depends on {names}, whose answers are not known"
    return answers == {True}, ", ".join(_deciding(stack))


def _answer(stack: Stack, group: list[World]) -> bool | None:
    """Return whether `nullok` opens some world of the group, None where in none of them the password decides."""
    deciding = [one for one in group if _accepts(stack, one, _right) and not _accepts(stack, one, _wrong)]
    return any(_accepts(stack, one, takes_empty) for one in deciding) if deciding else None


def _exception(stack: Stack, group: list[World], nobody: Collection[str]) -> str:
    """Return the exception that takes any password: the place and the words of its line; empty where none does."""
    conditions = {key(handler): handler for handler in stack.handlers if key(handler) in group[0]}
    for world in group:
        met = [handler for known, handler in conditions.items() if world[known] == "success"]
        asks = [handler for handler in met if not _about_the_caller(handler)]
        if asks and not any(_impossible(handler, stack, nobody) for handler in met) and _accepts(stack, world, _wrong):
            return f"{asks[0].where} {asks[0].module} {' '.join(asks[0].args)}"[:120]
    return ""


def _about_the_caller(handler: Handler) -> bool:
    """Whether the line asks who calls su or sudo, not who is to be let in."""
    return handler.module == "pam_wheel" or "use_uid" in handler.args


def _impossible(handler: Handler, stack: Stack, nobody: Collection[str]) -> bool:
    """Whether nobody can meet this condition: a group without members, or another service."""
    for left, operator, right in zip(handler.args, handler.args[1:], handler.args[2:], strict=False):
        if (left, operator) == ("user", "ingroup") and nobody and set(right.split(":")) <= set(nobody):
            return True
        if left == "service" and operator in ("=", "!=", "in", "notin"):
            named = stack.service in right.split(":")
            if named is operator.startswith(("!", "not")):
                return True
    return False


def services(configuration: Configuration, known: Iterable[str]) -> list[str]:
    """Return these services and all others that have a file, but for copies and files that stand in others."""
    included: set[str] = set()
    names: set[str] = set()
    for words, where in configuration.lines():
        names.add(where.rpartition(":")[0].rpartition("/")[2])
        if {"@include", "include", "substack"}.intersection(word.lower() for word in words[:2]):
            included.update(word.rpartition("/")[2] for word in words[1:3])
    others = {name for name in names - included if not _COPY.search(name)}
    return [*known, *sorted(others - {*known, "other"})]


def nullok_lines(configuration: Configuration) -> list[str]:
    """Return where any line of any service file gives pam_unix a `nullok`, whether a stack reaches it or not."""
    return sorted(where for words, where in configuration.lines() if _says_nullok(words))


def _says_nullok(words: list[str]) -> bool:
    modules = [index for index, word in enumerate(words) if word.rpartition("/")[2].startswith("pam_unix")]
    return bool(modules) and any(word.startswith(NULLOK) for word in words[modules[0] + 1 :])


def _deciding(stack: Stack) -> list[str]:
    return [handler.where for handler in stack.handlers if handler.module == UNIX and takes_empty(handler)]


def _known(handler: Handler) -> bool:
    return handler.module in (UNIX, "pam_unix2", *_COUNTING)


def _accepts(stack: Stack, world: World, unix: Callable[[Handler], bool]) -> bool:
    def call(handler: Handler) -> str:
        if handler.module in (UNIX, "pam_unix2"):
            return "success" if unix(handler) else "auth_err"
        if handler.module in _COUNTING:
            return "ignore" if "authfail" in handler.args else "success"
        return answer(handler, world)

    return dispatch(stack.handlers, call) == "success"


def _right(_: Handler) -> bool:
    return True


def _wrong(_: Handler) -> bool:
    return False
