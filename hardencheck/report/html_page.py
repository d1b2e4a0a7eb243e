"""What every HTML page here has: one file that needs nothing else, no script, no network, no second file.

Everything that is printed into a page is made inert on the way (`_inert`): control, format and bidirectional
characters become visible escapes, then Jinja2's autoescape does the rest. The page's own policy (CSP) allows nothing
but its one style sheet, by its digest, so that what slipped through would still not run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from hardencheck.model.outcome import HostState, Outcome
from hardencheck.report.escape import term
from hardencheck.report.html_view import cut

if TYPE_CHECKING:
    from jinja2 import Environment

#: no text in a page is longer, whoever wrote it
LONGEST = 2000

#: outcome -> how a page calls it, and what it means
GLOSSARY = {
    Outcome.PASS: ("pass", "The host is as the rule expects; it was seen."),
    Outcome.FAIL: ("fail", "The host is not as the rule expects; it was seen."),
    Outcome.UNKNOWN: ("unknown", "Something needed was not readable, so nobody can tell. Counts against the score."),
    Outcome.ERROR: ("error", "The answer could not be understood, or asking failed. Counts against the score."),
    Outcome.NOTCHECKED: ("not checked", "The host was not reached, or did not answer. Counts against the score."),
    Outcome.NOTAPPLICABLE: ("not applicable", "The rule has no subject on this host. Does not count."),
    Outcome.NOTSELECTED: ("not asked", "The site left the rule out, and said why. Does not count."),
    Outcome.INFORMATIONAL: ("for information", "Noted, neither good nor bad. Does not count."),
    Outcome.FIXED: ("fixed", "It failed, was put right, and was seen right by a later sweep. Does not count."),
}
#: how far the sweep got with a host, in words
STATES = {
    HostState.REACHED: "seen whole",
    HostState.PARTIAL: "seen in part",
    HostState.UNREACHABLE: "not reached",
    HostState.PENDING: "not visited yet",
}


def render(template: str, **values: object) -> str:
    """Return a template of `templates/` as one HTML document (UTF-8)."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "count": "{:,}".format, "minute": _minute, "cut": cut}
    style = _read("report.css")
    environment.globals |= {
        "style": Markup(style),  # noqa: S704  our own file; its digest is in the policy
        "style_digest": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "words": {outcome: word for outcome, (word, _) in GLOSSARY.items()},
        "meanings": {outcome: meaning for outcome, (_, meaning) in GLOSSARY.items()},
        "states": STATES,
        "reached": HostState.REACHED,
    }
    return environment


def _inert(value: object) -> object:
    """Make a value safe to look at, before autoescape makes it safe to parse; only the template's own markup passes."""
    return value if hasattr(value, "__html__") else term(cut(value, LONGEST))


def _percent(percent: float | None) -> str:
    """Round to a tenth, but never up to a perfect score."""
    if percent is None:
        return "–"
    return "100 %" if percent == 100 else f"{min(round(percent, 1), 99.9)} %"


def _minute(time: str | None) -> str:
    """Say a time in UTC as a person writes it."""
    return time.replace("T", " ").replace("Z", " UTC") if time else "not finished"


def _read(name: str) -> str:
    return files("hardencheck.report").joinpath("templates", name).read_text(encoding="utf-8")
