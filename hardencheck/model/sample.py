"""An auditor's random sample of hosts: anybody draws the same one again, by hand and on any machine.

Each name is ordered by the SHA-256 of the seed in decimal digits, a line feed, and the name in UTF-8; the first ones
are the sample. With the names in a file, one a line, this is the same as `sample(names, 25, 7)`:

    while IFS= read -r name; do
        printf '%s %s\n' "$(printf '%s\n%s' 7 "$name" | sha256sum | cut -c 1-64)" "$name"
    done <names | LC_ALL=C sort | head -n 25 | cut -d ' ' -f 2-

Who chooses the seed after the population is sealed, and tells it to nobody before, draws at random: neither side can
then choose which hosts are in. A larger sample with the same seed holds the smaller one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def sample(names: Iterable[str], size: int, seed: int) -> tuple[str, ...]:
    """Return `size` of the names in the order in which they are drawn; all of them when there are no more than that.

    The order of the names and names given twice make no difference. Raises ValueError for a size below 1 and a seed
    below 0.
    """
    if size < 1 or seed < 0:
        raise ValueError(f"a sample of {size} with seed {seed}: expected a size of 1 or more, and a seed of 0 or more")
    return tuple(sorted(set(names), key=lambda name: (_rank(seed, name), name))[:size])


def _rank(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()
