"""libpam's dispatcher: what a stack decides, given what each of its modules returns (pam_dispatch.c, pam.conf(5)).

Every handler leaves an impression (none yet, positive, negative) and a status. A substack remembers both at its start,
for `reset`, and its `done` and `die` end the substack alone. A jump counts a whole substack as one handler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hardencheck.probes.linux.pam import Handler

_REFUSED = "perm_denied"


def dispatch(handlers: Sequence[Handler], call: Callable[[Handler], str]) -> str:
    """Return the status of one request; `call` runs a module and returns its return code."""
    impression, status = 0, _REFUSED
    saved = {0: (impression, status)}
    previous = position = 0
    while position < len(handlers):
        handler = handlers[position]
        level = handler.level
        if previous < level:
            saved[level] = (impression, status)
        previous = level
        if handler.kind != "substack":
            code = _returned(handler, call)
            action = handler.control.action(code)
            if isinstance(action, int):
                position, left = _jump(handlers, position, action)
                if left:
                    impression, status = -1, _REFUSED
            elif action == "reset":
                impression, status = saved[level]
            elif action in ("ok", "done"):
                if impression == 0 or (impression > 0 and status == "success"):
                    impression, status = 1, code
                if action == "done" and impression > 0:
                    position = _last_of_frame(handlers, position)
            elif action in ("bad", "die"):
                if impression >= 0:
                    impression, status = -1, _REFUSED if code == "ignore" else code
                if action == "die":
                    position = _last_of_frame(handlers, position)
        position += 1
    return _REFUSED if status == "success" and impression <= 0 else status


def _returned(handler: Handler, call: Callable[[Handler], str]) -> str:
    if handler.kind == "fail":
        return _REFUSED
    return "module_unknown" if handler.kind == "absent" else call(handler)


def _jump(handlers: Sequence[Handler], position: int, count: int) -> tuple[int, int]:
    """Return the last handler that is jumped over, and how many were too many."""
    level = handlers[position].level
    last = len(handlers) - 1
    while position < last and handlers[position + 1].level >= level and count > 0:
        position += 1
        while position < last and handlers[position + 1].level > level:
            position += 1
        count -= 1
    return position, count


def _last_of_frame(handlers: Sequence[Handler], position: int) -> int:
    level = handlers[position].level
    while position + 1 < len(handlers) and handlers[position + 1].level >= level:
        position += 1
    return position
