r"""Takes names out of what a host answered, so that it can be given to somebody else and still reads as it did.

A name becomes a made-up one of the same length and shape, the same one wherever it stands in a recording, so that
lengths hold and what belongs together stays together. What counts as a name: the host's own, its domain, client, unit,
site and owner, people's accounts and groups (ids from 1000 on, or SIDs of a domain or machine) with their full names,
addresses of mail and of networks (IPv4, MAC), and the machine's part of SIDs. Free text that names somebody elsewhere
(a comment in a file, the title of a policy) is not found: whoever sends a recording reads it first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.host import Host
from hardencheck.model.outcome import Platform

#: the first ids of people; 65534 is nobody
_PEOPLE, _NOBODY = 1000, 65534
#: `name:x:1000:1000:Full Name,,,:/home` of passwd and group, and `name:1000:1000` of what was cut out of them
_ACCOUNT = re.compile(r"^([\w.@$+-]{1,64}):(?:[^:\n]{0,8}:)?(\d{4,10}):(?:\d{1,10}:([^:\n]*))?", re.MULTILINE)
_IPV4 = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_HOME = re.compile(r"/home/([A-Za-z0-9_.@-]{2,64})")
_PATTERNS = (
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+",
    # neither a version nor a network with its mask
    r"(?<![\w.-])(?!0\.|127\.|169\.254\.|255\.)(?:\d{1,3}\.){3}\d{1,3}(?![\w./-])",
    r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])",
    r"(?<=S-1-5-21-)\d+-\d+-\d+",
)
#: words that are no name of anybody, though they stand where names stand
_COMMON = frozenset({"localhost", "localdomain", "local", "lan", "home", "corp", "internal", "intern", "example", "com",
                     "net", "org", "root", "nobody", "administrator", "guest", "workgroup", "users"})  # fmt: skip
_MIN = 2


def redact(host: Host, captures: Mapping[str, Capture], key: bytes) -> dict[str, Capture]:
    """Return the captures of one host without names; `key` decides which name becomes which, and is not kept."""
    texts = {name: capture.stdout.decode("latin-1") for name, capture in captures.items()}
    found = {name for name in _names(host, texts) if len(name) >= _MIN and name.lower() not in _COMMON}
    forms = {form for name in found for form in (name, _latin(name), json.dumps(name)[1:-1])}
    needles = [rf"(?<![A-Za-z0-9]){re.escape(form)}(?![A-Za-z0-9])" for form in sorted(forms, key=len, reverse=True)]
    pattern = re.compile("|".join([*needles, *_PATTERNS]), re.IGNORECASE)

    def clean(data: bytes) -> bytes:
        return pattern.sub(lambda match: _pseudonym(match[0], key), data.decode("latin-1")).encode("latin-1")

    return {
        name: replace(capture, stdout=clean(capture.stdout), stderr=clean(capture.stderr))
        for name, capture in captures.items()
    }


def _names(host: Host, texts: Mapping[str, str]) -> Iterator[str]:
    for name in (host.name, host.address):
        yield name
        if not re.fullmatch(r"[\d.:a-f]+", name):
            yield from name.split(".")[:-1] or [name]
    yield from filter(None, (host.client, host.process_unit, host.site, host.owner, host.user))
    if host.platform is Platform.WINDOWS:
        for text in texts.values():
            for line in text.splitlines():
                yield from _of_items(line)
        return
    for text in texts.values():
        for name, number, full in _ACCOUNT.findall(text):
            if _PEOPLE <= int(number) != _NOBODY:
                yield name
                yield from (part for part in full.split(",") if part)
        yield from _HOME.findall(text)
    hostname = re.search(r"@run \d+ hostname\n(\S+)", texts.get("linux.platform", ""))
    if hostname:
        yield from (hostname[1], hostname[1].partition(".")[0])


def _of_items(line: str) -> Iterator[str]:
    """Yield the names in one item of a Windows section: the computer's, and what stands beside SIDs of its domain."""
    try:
        item = json.loads(line)
    except ValueError:
        return
    if isinstance(item, dict) and item.get("i") == "computer" and isinstance(item.get("v"), dict):
        for field in ("name", "domain"):
            value = item["v"].get(field)
            if isinstance(value, str):
                yield value
                yield from value.split(".")[:-1]
    yield from _beside_sids(item)


def _beside_sids(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _beside_sids(each)
    elif isinstance(value, dict):
        texts = [each for each in value.values() if isinstance(each, str)]
        if any("S-1-5-21-" in text for text in texts):
            for text in texts:
                if not text.startswith("S-1-") and len(text) <= 128 and not re.fullmatch(r"[\d:TZ.-]+", text):
                    yield text
                    yield from (part for part in re.split(r"[\\@/]", text) if part != text)
        for each in value.values():
            yield from _beside_sids(each)


def _latin(name: str) -> str:
    """Return the name as its UTF-8 bytes look in Latin-1, the form in which whole captures are searched."""
    return name.encode("utf-8", "surrogatepass").decode("latin-1")


def _pseudonym(text: str, key: bytes) -> str:
    r"""Return a made-up text of the same length: letters for letters, digits for digits; `\u00fc` is one letter."""
    stream = hmac.new(key, text.lower().encode("utf-8", "surrogatepass"), hashlib.sha512).digest()
    if _IPV4.fullmatch(text):
        return _address(text.split("."), stream)
    made = []
    for number, part in enumerate(re.findall(r"\\u[0-9a-f]{4}|.", text, re.DOTALL)):
        byte = stream[number % len(stream)]
        if len(part) > 1 or part.isalpha() or ord(part) > 127:
            letter = chr(ord("a") + byte % 26)
            made.append(letter.upper() if part.isupper() else letter)
        else:
            made.append(str(byte % 10) if part.isdigit() else part)
    return "".join(made)


def _address(octets: list[str], stream: bytes) -> str:
    """Return another address of the same kind: what tells private networks apart and from public ones stays."""
    private = octets[0] in ("10", "172") or octets[:2] == ["192", "168"]
    kept = 2 if private else 1
    made = octets[:kept]
    for octet, byte in zip(octets[kept:], stream, strict=False):
        made.append(str((byte % 10, 10 + byte % 90, 100 + byte % 100)[len(octet) - 1]))
    return ".".join(made)
