"""Every combination of values that a connection to sshd can meet, whoever connects from wherever.

sshd_config(5): a matching block overrides the global section, wherever it stands; of several matching blocks the first
one that sets a keyword wins; of several global lines the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from math import prod

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.sshd_config import Setting
from hardencheck.probes.linux.sshd_match import Criteria, always, never, together

#: The built-in values of OpenSSH 7.0 and later.
DEFAULTS = {
    "permitrootlogin": "prohibit-password",
    "passwordauthentication": "yes",
    "kbdinteractiveauthentication": "yes",
    "usepam": "no",
    "permitemptypasswords": "no",
    "authenticationmethods": "any",
    "banner": "none",
}
_MAX_CONTEXTS = 20_000

Outcome = Mapping[str, Setting]


def outcomes(found: Iterable[Setting], keywords: tuple[str, ...], user: str = "") -> Iterator[Outcome]:
    """Yield what these keywords can be worth together in one connection (of this user), each combination once.

    The values of a connection are decided by at most one block per keyword, so it is enough to look at each choice of
    those. Raises CaptureUnreadable when there are more choices than can be gone through.
    """
    relevant = [setting for setting in found if setting.keyword in keywords and not never(setting.criteria, user)]
    fixed = {setting.criteria for setting in relevant if always(setting.criteria, user)}
    deciding: list[list[Criteria | None]] = []
    for keyword in keywords:
        blocks = dict.fromkeys(setting.criteria for setting in relevant if setting.keyword == keyword)
        deciding.append([None, *(criteria for criteria in blocks if criteria and criteria not in fixed)])
    if prod(map(len, deciding)) > _MAX_CONTEXTS:
        raise CaptureUnreadable("sshd has more Match blocks than can be told apart")
    seen = set()
    for choice in product(*deciding):
        held = {criteria for criteria in choice if criteria} | fixed
        if not together(held):
            continue
        outcome = {keyword: _first(relevant, keyword, held) for keyword in keywords}
        if (key := tuple(outcome.values())) not in seen:
            seen.add(key)
            yield outcome


def global_value(found: Iterable[Setting], keyword: str) -> Setting:
    """Return the value that holds where no criterion does, as plain `sshd -T` shows it."""
    return _first(found, keyword, {(("all", ""),)})


def _first(found: Iterable[Setting], keyword: str, held: set[Criteria]) -> Setting:
    mine = [setting for setting in found if setting.keyword == keyword]
    for setting in mine:
        if setting.criteria and setting.criteria in held:
            return setting
    for setting in mine:
        if not setting.criteria:
            return setting
    return Setting(keyword, DEFAULTS[keyword], (), "the default of sshd")
