"""Packs: the evidence about one client in a bag, signed, and proved by the chain as far as it is as it was sealed.

pack.json         DSSE envelope: an in-toto statement about the files in SIGNED; its predicate is `About`
pack.pae, .sig    what was signed and the signature alone, for openssl
signing-key.pub   the key that belongs to it; who verifies should have a copy that came another way
README.txt        how to verify all this without hardencheck
data/             what `Source` gives, by the names below, and reports
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from hardencheck import __version__
from hardencheck.evidence import bag, dsse, statement
from hardencheck.evidence.keys import Signer, Verifier
from hardencheck.evidence.pack_readme import README

#: the signature over these files' digests covers the payload, too: the manifest lists it
SIGNED = (bag.MANIFEST, bag.INFO, "README.txt")
ENVELOPE, PAE, SIGNATURE, KEY = "pack.json", "pack.pae", "pack.sig", "signing-key.pub"
LOG, CHECKPOINT = "data/log.txt", "data/log.checkpoint"
SWEEPS, EVIDENCE = "data/sweeps/", "data/evidence/sha256/"
#: what stands in a sweep's folder
SEALED, LEAVES, DESCRIBED, STAMP, HOSTS = "envelope.json", "leaves.txt", "sweep.json", "stamp.tsr", "hosts/"
#: The payload type under which a zip's own digest is signed, so that it is never taken for another signature.
ARCHIVE = "application/vnd.hardencheck.pack+zip"


@dataclass(frozen=True, slots=True)
class About:
    """What the signature says of a pack: for which client and when it was made (UTC, ISO 8601), and of what.

    `since` is the day (ISO 8601) at whose beginning its sweeps had not ended, None for all. `sweeps` are their ids in
    the order of the log, `log_*` where the log stood. With `pseudonyms`, names are replaced and captures left out.
    `sample_*` are the size and the seed of the sample, None without one.
    """

    client: str
    made: str
    since: str | None
    sweeps: tuple[str, ...]
    log_origin: str
    log_size: int
    log_root: str
    pseudonyms: bool = False
    sample_size: int | None = None
    sample_seed: int | None = None
    hardencheck: str = __version__

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in the predicate."""
        return {**asdict(self), "sweeps": list(self.sweeps)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> About:
        """Return what a predicate says; raises ValueError or TypeError for anything else."""
        found = cls(**{**body, "sweeps": tuple(body["sweeps"])})
        texts = (found.client, found.made, found.log_origin, found.log_root, *found.sweeps)
        if found.to_json() != body or not all(isinstance(each, str) for each in texts):
            raise ValueError("expected the predicate of a pack")
        return found


def write(out: BinaryIO, top: str, payload: bag.Files, about: About, key: Signer) -> None:
    """Write a pack as a zip with one folder `top` into an empty file, open for reading and writing.

    `payload` are its files below `data/`. Raises UsageError when it is larger than a pack may be.
    """
    described = f"Evidence of security checks for one client; see README.txt. Signed by key {key.verifier.keyid}."
    info = {
        "Bag-Software-Agent": f"hardencheck {about.hardencheck}",
        "Bagging-Date": about.made[:10],
        "External-Description": described,
    }
    tags = bag.tags(bag.listing(payload), info)
    tags["README.txt"] = README.format(keyid=key.verifier.keyid, made=about.made).encode()
    said = statement.of_pack({name: tags[name] for name in SIGNED}, about.to_json())
    tags[ENVELOPE] = dsse.wrap(said, key)
    tags[PAE] = dsse.pae(dsse.IN_TOTO, said)
    tags[SIGNATURE] = key.sign(tags[PAE])
    tags[KEY] = key.verifier.pem
    bag.write(out, top, payload, tags, lambda digest: key.sign(dsse.pae(ARCHIVE, digest.encode())))


def seals(seal: bag.Seal, key: Verifier) -> bool:
    """Whether this key signed what a zip's comment says."""
    return key.signed(dsse.pae(ARCHIVE, seal.digest.encode()), seal.signature)


def host_file(position: int) -> str:
    """Return the name of the file with the leaf of the host at this position, within its sweep's folder."""
    return f"{HOSTS}{position:06d}.json"
