"""What a playbook says of itself: which rules it serves, which values it reads, what it may change.

A playbook is an Ansible playbook whose tasks carry the ids of the rules that they serve as tags, and whose first play
declares in the variable `hardencheck_touches` what it may change (see playbooks/README.md). Nothing is run here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hardencheck.errors import RemediationError
from hardencheck.model.plan import Touches
from hardencheck.resources import shipped

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LISTS = frozenset({"files", "services", "registry", "policies"})
_FLAGS = frozenset({"packages", "accounts"})


@dataclass(frozen=True, slots=True)
class Playbook:
    """One playbook: its name below the folder of them, the rules it serves, the words in it, what it may change."""

    name: str
    rules: frozenset[str]
    words: frozenset[str]
    touches: Touches

    def reads(self, values: Collection[str]) -> list[str]:
        """Return those of the values that it reads, sorted."""
        return sorted(self.words.intersection(values))


def read(name: str, folder: Path | None = None) -> Playbook:
    """Return a playbook by its name (`password/pwquality.yml`), by default a shipped one.

    Raises RemediationError when it is not there, is no playbook, or does not declare what it may change.
    """
    path = (folder or shipped("playbooks")) / name
    try:
        text = path.read_text(encoding="utf-8")
        plays = yaml.load(text, Loader=_Loader)  # noqa: S506  it is the safe loader, and knows Ansible's tags
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RemediationError(f"playbook {name}: it cannot be read ({error})") from error
    if not isinstance(plays, list) or not plays or not all(isinstance(play, dict) for play in plays):
        raise RemediationError(f"playbook {name}: expected a list of plays")
    declared = (plays[0].get("vars") or {}).get("hardencheck_touches")
    rules = frozenset(_tags(plays)) - {"always", "never"}
    return Playbook(name, rules, frozenset(_WORD.findall(text)), _touches(name, declared))


def digest_of(folder: Path | None = None) -> str:
    """Return one SHA-256 over the names and the content of all playbooks and what they include."""
    whole = folder or shipped("playbooks")
    found = hashlib.sha256()
    for path in sorted(whole.rglob("*")):
        if path.is_file() and path.suffix in (".yml", ".j2"):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            found.update(f"{content}  {path.relative_to(whole).as_posix()}\n".encode())
    return found.hexdigest()


def _touches(name: str, declared: Any) -> Touches:
    wanted = "expected hardencheck_touches in the vars of its first play"
    if not isinstance(declared, dict):
        raise RemediationError(f"playbook {name}: {wanted}: what it may change")
    found: dict[str, Any] = {}
    for key, value in declared.items():
        if key in _LISTS and isinstance(value, list) and all(isinstance(each, str) for each in value):
            found[key] = tuple(value)
        elif (key in _FLAGS and isinstance(value, bool)) or (key == "irreversible" and isinstance(value, str)):
            found[key] = value
        else:
            raise RemediationError(f"playbook {name}: hardencheck_touches.{key}: is not a key here, or no such value")
    return Touches(**found)


def _tags(node: Any) -> Iterator[str]:
    """Yield every tag below a node of a playbook."""
    if isinstance(node, list):
        for item in node:
            yield from _tags(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "tags":
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _tags(value)


class _Loader(yaml.CSafeLoader):
    """The safe loader, which takes what Ansible marks with a tag as it stands."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))
