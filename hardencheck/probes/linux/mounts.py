"""Lists what is mounted, for the sections of several probes."""

from __future__ import annotations

#: The lines of /proc/self/mountinfo (proc(5)) but for the runtime directories of people who are logged in: our own
#: log-in makes one, with other numbers each time, and no answer would be like the one before. They are in memory.
FUNCTIONS = r"""
mounts() {
  awk '!($5 ~ "^/run/user/[0-9]+$" && / - tmpfs tmpfs /)' /proc/self/mountinfo
}
"""
