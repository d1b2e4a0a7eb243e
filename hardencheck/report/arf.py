"""ARF 1.1 (NISTIR 7694): a host as an asset, its XCCDF results as a report, and the rules as what was asked.

One file for each host. The XCCDF in it is the one of the format `xccdf`.
"""

from __future__ import annotations

from ipaddress import ip_address

from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.report.identity import stable_uuid
from hardencheck.report.markup import DECLARATION, Xml, element, text
from hardencheck.report.rows import names, rows
from hardencheck.report.xccdf import benchmark_element, result_element

SUFFIX = ".arf.xml"
PER_HOST = True

#: OpenSCAP knows the relationships by their prefix, not by its namespace
_NAMESPACES = {
    "xmlns": "http://scap.nist.gov/schema/asset-reporting-format/1.1",
    "xmlns:core": "http://scap.nist.gov/schema/reporting-core/1.1",
    "xmlns:ai": "http://scap.nist.gov/schema/asset-identification/1.1",
    "xmlns:arfvocab": "http://scap.nist.gov/specifications/arf/vocabulary/relationships/1.0#",
}


def render(report: Report, host: HostResult) -> str:
    """Return a host's results as an asset report collection."""
    found = tuple(rows(report, host))
    key = stable_uuid("asset report", report.sweep.id, host.host)
    asset, asked, told = f"asset-{key}", f"request-{key}", f"report-{key}"
    return DECLARATION + element(
        "asset-report-collection",
        element(
            "core:relationships",
            element("core:relationship", element("core:ref", Xml(asked)), type="arfvocab:createdFor", subject=told),
            element("core:relationship", element("core:ref", Xml(asset)), type="arfvocab:isAbout", subject=told),
        ),
        element(
            "report-requests",
            element("report-request", element("content", benchmark_element(report, host, found)), id=asked),
        ),
        element("assets", element("asset", _device(host), id=asset)),
        element(
            "reports",
            element("report", element("content", result_element(report, host, found, asset)), id=told),
        ),
        id=f"collection-{key}",
        **_NAMESPACES,
    )


def _device(host: HostResult) -> Xml:
    called = names(host)
    family = "ai:ip-v6" if ":" in called.address else "ai:ip-v4"
    address = element("ai:ip-address", element(family, text(_exploded(called.address))))
    return element(
        "ai:computing-device",
        element("ai:synthetic-id", resource="urn:hardencheck:host", id=host.host),
        element("ai:connections", element("ai:connection", address)) if called.address else Xml(""),
        element("ai:fqdn", text(called.fqdn)) if called.fqdn else Xml(""),
    )


def _exploded(address: str) -> str:
    """Return an address as ARF wants it: all eight groups of IPv6, no zone."""
    return ip_address(address.partition("%")[0]).exploded if address else ""
