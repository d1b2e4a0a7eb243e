"""What a new account gets from login.defs: after how many days its password must be changed.

The files are read as the shadow programs read them: the last line of a name wins, `060` is octal, and a value that is
no number (`60 # days`) is passed over, which leaves a password that never expires. Accounts that exist keep their own
limit: linux.shadow looks at those.

Reads: /etc/login.defs; where useradd is built with libeconf also /usr/etc/login.defs and both login.defs.d.
Needs: nothing.
Facts: `new_password_max_days` is the limit that useradd writes for a new account; -1 for none.
Absent when: the host has neither useradd nor any login.defs.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import login_defs
from hardencheck.probes.linux.login_defs import MAIN, VENDOR, number, shadow_setting
from hardencheck.probes.output import read

SCRIPT = login_defs.SCRIPT
FACTS: dict[str, JsonSchema] = {"new_password_max_days": {"type": "integer"}}
_NAME = "PASS_MAX_DAYS"


def parse(capture: Capture, _: Context) -> Observation:
    """Yield the limit of new accounts; see the module's docstring for the fact."""
    output = read(capture)
    there = {*output.files, *output.unreadable, *output.special, *output.dangling}
    if "useradd" not in output.run("shadow_programs").lines and not there:
        return Observation.not_applicable(f"there is no useradd, and neither {MAIN} nor {VENDOR}")
    setting = shadow_setting(output, _NAME)
    if setting.problem:
        return Observation.not_collected(setting.problem)
    days = max(number(setting, -1), -1)
    where = setting.where or f"built-in {_NAME}: no line in {MAIN}"
    if days == -1 and setting.value not in (None, "-1"):
        where += f", value {setting.value[:40]!r}"
    return Observation.of({"new_password_max_days": days}, {"new_password_max_days": where})


PROBE = Probe(
    id="linux.account_defaults",
    title="What new accounts get",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
)
