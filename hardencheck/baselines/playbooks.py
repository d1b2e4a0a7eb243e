"""What a playbook says of itself without being run: the rules it serves, what it touches, the values it speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from hardencheck.resources import shipped

_TASKS = ("pre_tasks", "tasks", "post_tasks", "block", "rescue", "always")
#: what `hardencheck_touches` holds: the key, its type, and whether it must be there
_TOUCHES: dict[str, tuple[type, bool]] = {
    "files": (list, False),
    "services": (list, False),
    "packages": (bool, True),
    "accounts": (bool, True),
    "registry": (list, False),
    "policies": (list, False),
    "irreversible": (str, False),
}


@dataclass(frozen=True, slots=True)
class Playbook:
    """One playbook: the tags of its tasks, and its first play's `hardencheck_touches` (None without it)."""

    text: str
    tags: frozenset[str]
    touches: Mapping[str, Any] | None

    def names(self, value: str) -> bool:
        """Return whether it speaks of a value: in a task, or in a comment that says why none needs it."""
        return re.search(rf"\b{value}\b", self.text) is not None

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with `hardencheck_touches`, on which previews and undoing rest."""
        if self.touches is None:
            yield "its first play does not say in vars what it touches (hardencheck_touches)"
            return
        for key, (kind, needed) in _TOUCHES.items():
            if key not in self.touches:
                if needed:
                    yield f"hardencheck_touches does not say {key}"
            elif not isinstance(self.touches[key], kind):
                yield f"hardencheck_touches: {key} is no {kind.__name__}"
        for key in self.touches:
            if key not in _TOUCHES:
                yield f"hardencheck_touches has no key {key}"
        if "{{" in str(self.touches):
            yield "hardencheck_touches holds a template, but must be literal"


def read_playbook(name: str) -> Playbook:
    """Return a shipped playbook; raises ValueError, which says why it cannot be read."""
    try:
        text = (shipped("playbooks") / name).read_text(encoding="utf-8")
        plays = yaml.load(text, Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise ValueError("is not there") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(plays, list) or not all(isinstance(play, dict) for play in plays) or not plays:
        raise ValueError("is no list of plays")
    variables = plays[0].get("vars")
    touches = variables.get("hardencheck_touches") if isinstance(variables, dict) else None
    tags = frozenset(tag for play in plays for tag in _tags(play))
    return Playbook(text, tags, touches if isinstance(touches, dict) else None)


def _tags(holder: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tags of all tasks below a play, a block or a task."""
    found = holder.get("tags", [])
    yield from found.split(",") if isinstance(found, str) else found
    for key in _TASKS:
        for task in holder.get(key) or ():
            if isinstance(task, dict):
                yield from _tags(task)
