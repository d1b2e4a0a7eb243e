"""Runs, resumes and seals one sweep after the other, telling what it does; meant to be killed."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from hardencheck.evidence.chain import seal_sweep
from hardencheck.storage import open_store
from tests.evidence.chains import FINISHED, KEY
from tests.storage import samples

HOSTS = [f"agent{number}" for number in range(8)]


def main(path: Path) -> None:
    with open_store(path) as store:
        for number in itertools.count(len(store.envelopes())):
            sweep_id = f"{samples.SWEEP_ID}-{number:04}"
            with store.lock(sweep_id):
                if not store.sweeps(1) or store.header("last").id != sweep_id:
                    store.begin(samples.sweep(*HOSTS, sweep_id=sweep_id), samples.BASELINE)
                with store.writer() as writer:
                    for name in store.pending(sweep_id):
                        writer.put(samples.record(name, sweep_id=sweep_id, same=name[-1] in "1357"))
                print("sealing", flush=True)
                seal_sweep(store, sweep_id, FINISHED, KEY)
                print("sealed", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
