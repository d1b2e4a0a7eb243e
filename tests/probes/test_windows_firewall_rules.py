"""Rules that the host keeps to itself: whatever is left out there would have decided nothing here."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.probes import all_probes
from tests.probes.cases import Case, all_cases

PROBE = all_probes()["windows.firewall_rules"]
CASE = next(
    case for case in all_cases() if case.probe_id == PROBE.id and case.name.startswith("the rules of a workstation")
)


def pattern() -> re.Pattern[str]:
    """Put together what the script gives to Registry -Without, in the words of Python's regular expressions."""
    parts = dict(re.findall(r"^\$(off|outgoing|package) = '(.*)'$", PROBE.script, re.M))
    other = re.search(r"^\$other = '(.*)' \+\n  '(.*)'$", PROBE.script, re.M)
    assert other
    assert "$idle = '(?s)' + ($off, $outgoing, $package, $other -join '|')" in PROBE.script
    whole = "(?s)" + "|".join((parts["off"], parts["outgoing"], parts["package"], other[1] + other[2]))
    return re.compile(whole.replace(r"\z", r"\Z"), re.IGNORECASE)


IDLE = pattern()


def judged(case: Case, rules: dict[str, str]) -> Observation:
    """Return what the parser makes of the case with these local rules in place of its own."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in case.capture.stdout.splitlines()]
    key = next(line["v"] for line in lines if line["i"] == "rules local")
    key["values"] = {name: {"k": "String", "v": text} for name, text in rules.items()}
    stdout = "".join(json.dumps(line) + "\n" for line in lines).encode("ascii")
    return PROBE.parse(Capture(PROBE.id, stdout, b"", 0), case.context)


fields = st.sampled_from(
    """
    Action=Allow Action=Block Action=ByPass Active=TRUE active=false ACTIVE=FALSE Dir=In Dir=Out dir=IN Protocol=6
    Protocol=17 Protocol=256 Profile=Public Profile=Domain LPort=3389 LPort=22 LPort=445 LPort=RPC-EPMap
    LPort2_10=1-65535 App=System App=%SystemRoot%\\system32\\svchost.exe App=C:\\teams.exe App=C:/x/sshd.exe
    App=C:\\a\\b.exe/svchost.exe App=teams.exe App=C:\\sshd.exe Svc=termservice Svc=* RA4=LocalSubnet RA4=0.0.0.0/0
    RA4=x AppPkgId=S-1-15-2-1-2 LUOwn=S-1-5-21-1 Name=a PFN=a.b_cw5n1h2txyewy PFN= IFType=Wireless
    Security=Authenticate New=1
    """.split()  # noqa: SIM905
)
rule = st.lists(fields, max_size=9).map(lambda parts: "v2.31|" + "|".join(parts) + "|") | st.lists(
    fields, max_size=6
).map(lambda parts: "v2.31|Action=Allow|Active=TRUE|Dir=In|" + "|".join(parts) + "|")


@settings(max_examples=300)
@given(st.lists(rule, max_size=6))
def test_what_is_left_out_decides_nothing(texts: list[str]) -> None:
    rules = {f"rule{number}": text for number, text in enumerate(texts)}
    sent = {name: text for name, text in rules.items() if not IDLE.search(text)}
    every, some = judged(CASE, rules), judged(CASE, sent)
    for fact in PROBE.facts:
        if fact in every.facts:
            assert some.facts.get(fact) == every.facts[fact]
        elif fact in some.facts:
            # a rule that cannot be read may stay there only when it certainly opens nothing of these
            unread = [name for name in rules if f"rule {name} " in every.missing[fact]]
            assert unread
            assert all(_harmless(rules[name]) for name in unread if name not in sent)


def _harmless(text: str) -> bool:
    return any(word in text.lower() for word in ("|apppkgid=s-1-15-2-", "|pfn=", "teams.exe|"))


@pytest.mark.parametrize(
    "text",
    [
        "v2.33|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=3389|",
        "v2.33|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=443|",
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Profile=Public|Name=@{x}|LUOwn=S-1-5-21-1|AppPkgId=S-1-15-2-1-2|",
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Name=@{x}|PFN=Microsoft.AAD.BrokerPlugin_cw5n1h2txyewy|LUOwn=S-1-5-18|",
        r"v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=17|App=C:\Users\a\AppData\Local\Teams\teams.exe|Name=teams|",
    ],
)
def test_what_bloats_a_terminal_server_stays_there(text: str) -> None:
    assert IDLE.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "v2.33|Action=Allow|Active=TRUE|Dir=In|",
        "v2.33|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=3389|",
        r"v2.33|Action=Allow|Active=TRUE|Dir=In|App=%SystemRoot%\system32\svchost.exe|",
        r"v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=22|App=C:\Program Files\Bitvise\BvSshServer.exe|",
        "v2.33|Action=Allow|Active=TRUE|Dir=In|App=System|",
        "v2.33|Action=Allow|Active=TRUE|Dir=In|PFN=|",
        "v2.33|Action=Allow|Active=FALSE|Active=TRUE|Dir=In|",
        r"v2.33|Action=Allow|Active=TRUE|Dir=In|App=C:\a.exe|App=|",
    ],
)
def test_what_may_decide_is_sent(text: str) -> None:
    assert not IDLE.search(text)
