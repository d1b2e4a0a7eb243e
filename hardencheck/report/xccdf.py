"""XCCDF 1.2 (NISTIR 7275r4): the baseline's rules for a host's platform, and what the host gave as a TestResult.

One file for each host, because STIG Manager takes one TestResult from a file. A waived failure stays `fail`, with the
waiver in an `ident` and in the message, which also says why a result changed. Rules are named `xccdf_hc_rule_...`
within 45 characters; the whole name stands beside it as an `ident`, and so does our own word for the outcome.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from hardencheck import __version__
from hardencheck.model.baseline import Rule, Value
from hardencheck.model.outcome import Outcome, Platform
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report.escape import term
from hardencheck.report.identity import stable_uuid
from hardencheck.report.markup import DECLARATION, Xml, element, text
from hardencheck.report.projection import accepted
from hardencheck.report.rows import Row, about, benchmark_name, check, details, names, rows, rule_name

SUFFIX = ".xccdf.xml"
PER_HOST = True

NAMESPACE = "http://checklists.nist.gov/xccdf/1.2"
CHECK_SYSTEM = "urn:hardencheck:check:1"
#: the old binding of CPE on purpose: OpenSCAP 1.3.7 warns of it, and refuses a file that it has no warning for
_CPE = {Platform.LINUX: "cpe:/o:linux:linux_kernel", Platform.WINDOWS: "cpe:/o:microsoft:windows"}
_SCORED = (Outcome.PASS, Outcome.FIXED, Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN)


def render(report: Report, host: HostResult) -> str:
    """Return a host's results as an XCCDF Benchmark with one TestResult."""
    found = tuple(rows(report, host))
    return DECLARATION + benchmark_element(report, host, found, result_element(report, host, found))


def benchmark_element(report: Report, host: HostResult, found: Iterable[Row], *tests: Xml) -> Xml:
    """Return the baseline's rules for a host's platform as a Benchmark element, with TestResults in it or none."""
    baseline = report.baseline
    rules = {rule.id: rule.at(baseline.level) for rule in baseline.rules if host.platform in rule.platforms}
    rules |= {row.rule.id: row.rule for row in found}
    themes: dict[str, list[Rule]] = {}
    for rule in rules.values():
        themes.setdefault(rule.theme, []).append(rule)
    return element(
        "Benchmark",
        element("status", text("accepted"), date=report.sweep.started[:10]),
        element("title", text(baseline.title)),
        element("description", text(baseline.description or baseline.title)),
        element("platform", idref=_CPE[host.platform]),
        element("version", text(baseline.version)),
        element("metadata", element("dc:creator", text("hardencheck")), element("dc:title", text(baseline.title))),
        *(_value(value) for value in baseline.values.values()),
        *(_group(theme, themes[theme], report) for theme in sorted(themes)),
        *tests,
        id=benchmark_name(report, host),
        xmlns=NAMESPACE,
        **{"xmlns:dc": "http://purl.org/dc/elements/1.1/", "xml:lang": "en"},
    )


def result_element(report: Report, host: HostResult, found: tuple[Row, ...], asset: str | None = None) -> Xml:
    """Return what a host gave as a TestResult element; `asset` names the host's element in an asset report."""
    sweep = report.sweep
    ended = sweep.finished or report.made
    scored = [row for row in found if row.result.outcome in _SCORED]
    passed = [row for row in scored if row.word.xccdf == "pass"]
    tailored = {name: value for row in found for name, value in row.result.values.items()}
    aim = {"system": "http://scap.nist.gov/schema/asset-identification/1.1", "href": "", "name": asset}
    return element(
        "TestResult",
        element("benchmark", href=f"urn:hardencheck:baseline:{sweep.baseline_digest}", id=benchmark_name(report, host)),
        element("title", text(f"{report.baseline.title}: {host.host}")),
        element("target", text(host.host)),
        element("target-address", text(names(host).address)) if names(host).address else Xml(""),
        element("target-facts", *(_fact(name, value) for name, value in about(host).items())),
        element("target-id-ref", **aim) if asset else Xml(""),
        element("platform", idref=_CPE[host.platform]),
        *(_set_value(name, tailored[name]) for name in sorted(tailored) if name in report.baseline.values),
        *(_rule_result(row, ended) for row in found),
        element("score", text(len(passed)), system="urn:xccdf:scoring:flat-unweighted", maximum=len(scored)),
        _score_without(passed, [row for row in scored if not row.waiver]) if report.waivers is not None else Xml(""),
        id=f"xccdf_hc_testresult_{stable_uuid('result', sweep.id, host.host)}",
        xmlns=NAMESPACE,
        version=report.baseline.version,
        **{
            "start-time": sweep.started,
            "end-time": ended,
            "test-system": f"cpe:/a:hardencheck:hardencheck:{__version__}",
        },
    )


def _score_without(passed: Sequence[Row], counted: Sequence[Row]) -> Xml:
    """Return the score in which waived failures are left out of the count."""
    return element("score", text(len(passed)), system="urn:hardencheck:scoring:without-waived", maximum=len(counted))


def _group(theme: str, rules: Iterable[Rule], report: Report) -> Xml:
    inside = (_rule(rule, report) for rule in rules)
    return element("Group", element("title", text(theme)), *inside, id=f"xccdf_hc_group_{theme}")


def _rule(rule: Rule, report: Report) -> Xml:
    exports = [
        element("check-export", **{"value-id": _value_id(name), "export-name": name})
        for name in rule.values
        if name in report.baseline.values
    ]
    return element(
        "Rule",
        element("title", text(rule.title)),
        element("description", text(rule.rationale)),
        *(
            element("reference", text(number), href=f"urn:hardencheck:reference:{framework}")
            for framework, numbers in sorted(rule.references.items())
            for number in numbers
        ),
        element("ident", text(rule.id), system="urn:hardencheck:rule"),
        element("fixtext", text(rule.remediation.text), reboot="true" if rule.remediation.risk == "reboot" else None),
        element("check", *exports, element("check-content", text(check(rule))), system=CHECK_SYSTEM),
        id=rule_name(rule.id),
        severity=rule.severity.value,
    )


def _rule_result(row: Row, ended: str) -> Xml:
    result = row.result
    idents = {"urn:hardencheck:rule": result.rule_id, "urn:hardencheck:outcome": result.outcome.value}
    said = [details(row)]
    if row.waiver:
        idents["urn:hardencheck:waiver"] = row.waiver.id
        said.append(term(accepted(row.waiver)))
    message = text("\n".join([*said, *row.notes]))
    capture = {"href": f"urn:hardencheck:evidence:sha256:{result.evidence}", "name": row.rule.probe}
    return element(
        "rule-result",
        element("result", text(row.word.xccdf)),
        *(element("ident", text(name), system=system) for system, name in idents.items()),
        # one message: STIG Manager shows none when there are two
        element("message", message, severity="error" if result.outcome is Outcome.ERROR else "info"),
        element("check", element("check-content-ref", **capture) if result.evidence else Xml(""), system=CHECK_SYSTEM),
        idref=rule_name(result.rule_id),
        time=ended,
        severity=result.severity.value,
    )


def _value(value: Value) -> Xml:
    return element(
        "Value",
        element("title", text(value.id)),
        element("description", text(value.title)),
        element("value", text(_plain(value.default))),
        id=_value_id(value.id),
        type=_type(value.default),
    )


def _set_value(name: str, value: object) -> Xml:
    return element("set-value", text(_plain(value)), idref=_value_id(name))


def _fact(name: str, value: str) -> Xml:
    return element("fact", text(value), name=f"urn:hardencheck:host:{quote(name, errors='replace')}", type="string")


def _plain(value: object) -> str:
    """Return a value as text; what is no plain text or number is JSON, for XCCDF has no word for it."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _value_id(name: str) -> str:
    return f"xccdf_hc_value_{name}"
