"""syslog-ng's remote destinations that a log path with a source uses (syslog-ng.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardencheck.probes.linux.rsyslog import Forward

_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|#[^\n]*|/\*.*?\*/', re.DOTALL)
_BLOCK = re.compile(r"\b(destination|log)\s*([\w.-]*)\s*\{", re.IGNORECASE)
_DRIVER = re.compile(
    r"\b(network|syslog|tcp6?|udp6?|syslog-tcp|syslog-udp)\s*\(\s*(?:ip\s*\(\s*)?[\"']?([\w.:-]+)[\"']?", re.IGNORECASE
)
_OPTION = re.compile(r"\b(transport|port)\s*\(\s*[\"']?([\w-]+)[\"']?\s*\)", re.IGNORECASE)
_USED = re.compile(r"\bdestination\s*\(\s*([\w.-]+)\s*\)", re.IGNORECASE)
_FILTER = re.compile(r"\bfilter\s*[({]", re.IGNORECASE)


def forwards(files: Mapping[str, str]) -> list[Forward]:
    """Return the remote destinations, those without a log path as unreached; a path with a filter is conditional."""
    defined: dict[str, list[Forward]] = {}
    paths: list[str] = []
    for path, text in sorted(files.items()):
        plain = _COMMENT.sub(lambda found: found[1] or " ", text)
        for found in _BLOCK.finditer(plain):
            body = _balanced(plain, found.end())
            if found[1].lower() == "log":
                paths.append(body)
                continue
            for driver in _DRIVER.finditer(body):
                defined.setdefault(found[2], []).append(_forward(driver, _balanced(body, driver.end(), "()"), path))
    found_forwards = []
    for name, drivers in defined.items():
        using = [body for body in paths if name in _USED.findall(body) and re.search(r"\bsource\b", body)]
        filtered = bool(using) and all(_FILTER.search(body) for body in using)
        for one in drivers:
            reason = "" if using else f"no log path uses destination {name}"
            found_forwards.append(
                Forward(one.target, one.port, one.transport, one.where, conditional=filtered, unreached=reason)
            )
    return found_forwards


def _balanced(text: str, start: int, signs: str = "{}") -> str:
    """Return what stands up to the bracket that closes the one before `start`."""
    depth, position = 1, start
    while position < len(text) and depth:
        depth += (text[position] == signs[0]) - (text[position] == signs[1])
        position += 1
    return text[start:position]


def _forward(driver: re.Match[str], rest: str, path: str) -> Forward:
    options = {key.lower(): value.lower() for key, value in _OPTION.findall(rest)}
    kind = driver[1].lower()
    usual = "udp" if kind.startswith("udp") or kind == "syslog-udp" else "tcp"
    transport = options.get("transport", usual)
    port = options.get("port", "601" if kind == "syslog" and transport == "tcp" else "514")
    return Forward(driver[2], port, "tls" if transport.endswith("tls") else transport, path)
