"""Begins or resumes the one sweep of a store and tells each host that it put; meant to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from hardencheck.storage import open_store
from tests.storage import samples

HOSTS = [f"agent{number:04}" for number in range(400)]


def main(path: Path) -> None:
    with open_store(path) as store, store.lock(samples.SWEEP_ID):
        print("locked", flush=True)
        if not store.sweeps(1):
            store.begin(samples.sweep(*HOSTS), samples.BASELINE)
        with store.writer() as writer:
            for name in store.pending(samples.SWEEP_ID):
                # each capture of an even host is its own, an odd host shares its captures with all others
                writer.put(samples.record(name, same=name[-1] in "13579"))
                print(name, flush=True)
        samples.finish(store, samples.SWEEP_ID)
        print("finished", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
