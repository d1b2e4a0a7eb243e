"""Listening sockets: from `ss -lntup`, else from the kernel's own tables.

A UDP socket without a peer counts as listening, whatever its port: the kernel hands it every packet that arrives.
A wildcard socket counts for both families: releases of ss disagree on what `*` and `[::]` mean.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.packets import Network

_PROCESS = re.compile(r'"((?:[^"\\]|\\.)*)"')
_KERNEL_LINE = re.compile(r"(tcp|udp)(6?) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})")


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """One socket that waits for packets; `interface` is the one it is bound to, `processes` need root."""

    protocol: str
    port: int
    address: str
    families: tuple[int, ...]
    interface: str = ""
    processes: tuple[str, ...] = ()

    @property
    def item(self) -> str:
        """The socket as site lists write it: `tcp/22`."""
        return f"{self.protocol}/{self.port}"

    @property
    def outside(self) -> bool:
        """Whether the address can be reached from outside at all."""
        return self.interface != "lo" and not _loopback(self.address)

    def __str__(self) -> str:
        return " ".join(filter(None, [self.item, "/".join(self.processes), "on", self.address + self._device]))

    @property
    def _device(self) -> str:
        return f"%{self.interface}" if self.interface else ""


def from_ss(lines: list[str]) -> list[Listener]:
    """Read what ss prints, queues and process ids left out; raises CaptureUnreadable without its heading."""
    if not any(line.startswith("Netid") for line in lines):
        raise CaptureUnreadable("ss printed no heading")
    found = []
    for line in lines:
        words = line.split(None, 3)
        if line.startswith("Netid") or len(words) < 3 or words[0] not in ("tcp", "udp"):
            continue
        where, _, port = words[2].rpartition(":")
        if not port.isdigit():
            raise CaptureUnreadable(f"ss: no port in {line!r}")
        address, _, interface = where.replace("[", "").replace("]", "").partition("%")
        processes = tuple(sorted(set(_PROCESS.findall(words[3])))) if len(words) > 3 else ()
        found.append(Listener(words[0], int(port), address, _families(address), interface, processes))
    return sorted(set(found))


def from_kernel(lines: list[str]) -> list[Listener]:
    """Read lines `tcp6 ADDRESS:PORT` in the hexadecimal words of /proc/net/tcp6 (little-endian, as on x86 and arm)."""
    found = []
    for line in filter(None, lines):
        parts = _KERNEL_LINE.fullmatch(line)
        if parts is None:
            raise CaptureUnreadable(f"/proc/net: unexpected line {line!r}")
        data = bytes.fromhex(parts[3])
        packed = b"".join(data[start : start + 4][::-1] for start in range(0, len(data), 4))
        address = str(ipaddress.ip_address(packed))
        found.append(Listener(parts[1], int(parts[4], 16), "*" if address == "::" else address, _families(address)))
    return sorted(set(found))


def addresses(lines: list[str]) -> dict[str, list[Network]]:
    """Return the host's addresses per interface from `ip -o addr show`."""
    found: dict[str, list[Network]] = {}
    for line in lines:
        words = line.split()
        if len(words) < 4 or words[2] not in ("inet", "inet6"):
            continue
        found.setdefault(words[1].partition("@")[0], []).append(ipaddress.ip_network(words[3].partition("/")[0]))
    return found


def _families(address: str) -> tuple[int, ...]:
    if address in ("*", "::", ""):
        return (4, 6)
    parsed = ipaddress.ip_address(address)
    return (4,) if parsed.version == 4 or parsed.ipv4_mapped else (6,)


def _loopback(address: str) -> bool:
    if address in ("*", ""):
        return False
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
