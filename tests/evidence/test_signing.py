"""Keys, envelopes, statements and checkpoints, as other programs read them, and as nobody may change them."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from hardencheck.errors import CredentialError, EvidenceError
from hardencheck.evidence import checkpoint, dsse, keys, statement
from hardencheck.evidence.chain import checkpoint_of
from hardencheck.model.codec import canonical
from hardencheck.storage import Store, open_store
from tests.evidence.chains import KEY, STRANGER, history, sweep_id
from tests.storage import samples
from tests.tools import need_program

TRUSTED = [KEY.verifier]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(samples.database(tmp_path)) as opened:
        yield opened


@pytest.fixture
def envelope(store: Store) -> bytes:
    history(store, 2, "agent1", "agent2")
    return store.envelopes()[1]


def public_pem(key: keys.Signer) -> str:
    made = key.verifier.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return made.decode()


# --- envelopes


def test_the_pre_authentication_encoding_is_the_example_of_the_specification() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_securesystemslib_verifies_an_envelope_and_refuses_a_changed_one(envelope: bytes) -> None:
    key = SSlibKey(KEY.verifier.keyid, "ed25519", "ed25519", {"public": KEY.verifier.raw.hex()})
    Envelope.from_dict(json.loads(envelope)).verify([key], 1)
    other = SSlibKey(KEY.verifier.keyid, "ed25519", "ed25519", {"public": STRANGER.verifier.raw.hex()})
    with pytest.raises(VerificationError):
        Envelope.from_dict(json.loads(envelope)).verify([other], 1)
    body = json.loads(envelope)
    body["payload"] = base64.b64encode(base64.b64decode(body["payload"]) + b" ").decode()
    with pytest.raises(VerificationError):
        Envelope.from_dict(body).verify([key], 1)


def test_an_envelope_that_securesystemslib_signed_is_taken() -> None:
    made = Envelope(b"{}", dsse.IN_TOTO, {})
    signature = KEY.sign(made.pae())
    assert dsse.unwrap(dsse.wrap(b"{}", KEY), TRUSTED).payload == made.payload
    assert signature.hex() in base64.b64decode(json.loads(dsse.wrap(b"{}", KEY))["signatures"][0]["sig"]).hex()


def test_in_toto_accepts_the_statement_and_refuses_one_without_a_subject(envelope: bytes) -> None:
    body = json.loads(dsse.unwrap(envelope, TRUSTED).payload)
    Statement.copy_from_pb(ParseDict(body, StatementMessage())).validate()
    with pytest.raises(ValueError, match="ubject"):
        Statement.copy_from_pb(ParseDict({**body, "subject": []}, StatementMessage())).validate()
    assert body["_type"] == statement.TYPE
    assert [each["name"] for each in body["subject"]] == [sweep_id(1)]
    assert body["predicate"]["counts"] == {
        "hosts": {"reached": 1, "unreachable": 1},
        "results": {"fail": 1, "pass": 1, "unknown": 1},
    }


def test_openssl_verifies_the_signature_and_names_the_key(envelope: bytes, tmp_path: Path) -> None:
    need_program("openssl")
    opened = dsse.unwrap(envelope, TRUSTED)
    (signature,) = json.loads(envelope)["signatures"]
    (tmp_path / "key.pub").write_text(public_pem(KEY))
    (tmp_path / "message").write_bytes(dsse.pae(dsse.IN_TOTO, opened.payload))
    (tmp_path / "changed").write_bytes(dsse.pae(dsse.IN_TOTO, opened.payload + b" "))
    (tmp_path / "signature").write_bytes(base64.b64decode(signature["sig"]))
    check = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin", "-sigfile", "signature", "-in"]
    assert subprocess.run([*check, "message"], cwd=tmp_path, check=False, capture_output=True).returncode == 0
    assert subprocess.run([*check, "changed"], cwd=tmp_path, check=False, capture_output=True).returncode == 1
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "key.pub", "-outform", "DER"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert hashlib.sha256(der.stdout).hexdigest() == signature["keyid"] == KEY.verifier.keyid


def test_every_single_bit_of_an_envelope_counts(envelope: bytes) -> None:
    for bit in range(len(envelope) * 8):
        changed = bytearray(envelope)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(EvidenceError):
            dsse.unwrap(bytes(changed), TRUSTED)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["signatures"].append(body["signatures"][0]),
        lambda body: body["signatures"].clear(),
        lambda body: body["signatures"][0].update(keyid=KEY.verifier.keyid.upper()),
        lambda body: body["signatures"][0].update(sig=body["signatures"][0]["sig"].rstrip("=")),
        lambda body: body["signatures"][0].update(sig=body["signatures"][0]["sig"] + "\n"),
        lambda body: body["signatures"][0].update(more=""),
        lambda body: body.update(payloadType="text/plain"),
        lambda body: body.update(payload=body["payload"].replace("e", "é", 1)),
        lambda body: body.update(payload=None),
        lambda body: body.update(more=1),
    ],
)
def test_an_envelope_has_one_spelling(envelope: bytes, change: Any) -> None:
    body = json.loads(envelope)
    change(body)
    with pytest.raises(EvidenceError):
        dsse.unwrap(canonical(body), TRUSTED)


def test_an_envelope_with_spaces_is_refused(envelope: bytes) -> None:
    for changed in (json.dumps(json.loads(envelope)).encode(), envelope + b"\n", b"[]", b"", b"\xff", b"[" * 100_000):
        with pytest.raises(EvidenceError):
            dsse.unwrap(changed, TRUSTED)


def test_a_statement_of_another_kind_is_refused() -> None:
    bodies: tuple[Any, ...] = ({}, [], {"_type": statement.TYPE, "subject": [], "predicateType": "x", "predicate": {}})
    for body in bodies:
        with pytest.raises(ValueError, match="expected a"):
            statement.read(canonical(body))
    with pytest.raises(ValueError, match="canonical"):
        statement.read(b'{ "a": 1}')


# --- checkpoints


def test_a_checkpoint_is_three_short_lines_and_a_signature(store: Store) -> None:
    history(store, 3, "agent1")
    now = checkpoint_of(store.envelopes())
    note = checkpoint.signed(now, KEY)
    assert note.splitlines()[:4] == [now.origin, "3", base64.b64encode(now.root).decode(), ""]
    assert max(map(len, note.splitlines()[:3])) < 50
    text, _, signature = note.partition("\n\n")
    dash, name, data = signature.split()
    raw = base64.b64decode(data)
    assert (dash, name) == ("\u2014", now.origin)
    # c2sp.org/signed-note: key hash, then Ed25519 over the text with its last newline
    assert raw[:4] == hashlib.sha256(f"{name}\n\x01".encode() + KEY.verifier.raw).digest()[:4]
    assert KEY.verifier.signed(f"{text}\n".encode(), raw[4:])
    assert checkpoint.read(note.encode(), TRUSTED) == now


def test_the_example_of_the_specification_is_parsed() -> None:
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u2014 example.com/"
        "behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    )
    with pytest.raises(EvidenceError, match="none of the trusted keys signed it"):
        checkpoint.read(note.encode(), TRUSTED)


def test_what_mail_does_to_a_checkpoint_is_borne(store: Store) -> None:
    history(store, 1, "agent1")
    now = checkpoint_of(store.envelopes())
    note = checkpoint.signed(now, KEY)
    witness = "\u2014 witness.example/w1 " + base64.b64encode(bytes(76)).decode() + "\n"
    for changed in (note.replace("\n", "\r\n"), f"\n{note}\n\n", note + witness):
        assert checkpoint.read(changed.encode(), TRUSTED) == now


def test_every_single_bit_of_a_checkpoint_counts(store: Store) -> None:
    history(store, 2, "agent1")
    now = checkpoint_of(store.envelopes())
    note = checkpoint.signed(now, KEY).encode()
    for bit in range(len(note) * 8):
        changed = bytearray(note)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            found = checkpoint.read(bytes(changed), TRUSTED)
        except EvidenceError:
            continue
        assert (found, bytes(changed).strip()) == (now, note.strip()), "only white space at the ends means nothing"


@pytest.mark.parametrize(
    "note",
    ["", "a\n1\nAA==\n", "a\n01\nAA==\n\n\u2014 a AA==", "a\n-1\nAA==\n\n\u2014 a AA==", "a\n1\nAA==\n\n\u2014 a AA==",
     f"a\n{'9' * 5000}\nAA==\n\n\u2014 a AA==", "a\n1\nAA\n\n\u2014 a AA==", "a\n1\nAA==\n\na AA==", "a\n1\n\n\n\n\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(EvidenceError, match="no checkpoint"):
        checkpoint.read(note.encode(), TRUSTED)


# --- keys


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = keys.key_beside(tmp_path / "new" / "store.db")
    made = keys.signer(path, make=True)
    assert (path.stat().st_mode & 0o777, keys.public_of(path).stat().st_mode & 0o777) == (0o600, 0o644)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    again = keys.signer(path, make=True)
    assert again.verifier.keyid == made.verifier.keyid == keys.verifier(keys.public_of(path)).keyid
    assert sorted(each.name for each in path.parent.iterdir()) == ["signing-key.pem", "signing-key.pub"]
    keys.public_of(path).unlink()
    assert keys.signer(path, make=True).verifier.keyid == made.verifier.keyid
    assert keys.verifier(keys.public_of(path)).keyid == made.verifier.keyid


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "signing-key.pem"
    keys.signer(path, make=True)
    path.unlink()
    with pytest.raises(CredentialError, match="it is gone") as caught:
        keys.signer(path, make=True)
    assert caught.value.exit_code == 78
    assert not path.exists()
    with pytest.raises(CredentialError, match="cannot be read"):
        keys.signer(path, make=False)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing-key.pem"
    keys.signer(path, make=True)
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(CredentialError, match=f"mode {mode:04o}") as caught:
            keys.signer(path, make=False)
        assert caught.value.hint == f"chmod 600 {path}"


def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    path, public = tmp_path / "key.pem", tmp_path / "key.pub"

    def write(private: Any, protection: Any) -> None:
        path.write_bytes(
            private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
        )
        path.chmod(0o600)

    for private, protection, words in (
        (ec.generate_private_key(ec.SECP256R1()), serialization.NoEncryption(), "no Ed25519 key"),
        (Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"secret"), "passphrase"),
    ):
        write(private, protection)
        with pytest.raises(CredentialError, match=words):
            keys.signer(path, make=False)
    path.write_text("nothing")
    with pytest.raises(CredentialError, match="no private key"):
        keys.signer(path, make=True)
    public.write_text("nothing")
    with pytest.raises(CredentialError, match="no public key"):
        keys.verifier(public)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    public.write_bytes(other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(CredentialError, match="no Ed25519 key"):
        keys.verifier(public)


def test_openssl_makes_a_key_that_can_be_used(tmp_path: Path) -> None:
    need_program("openssl")
    path = tmp_path / "own.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True, capture_output=True)
    path.chmod(0o600)
    assert len(keys.signer(path, make=False).sign(b"")) == 64
    assert not keys.public_of(path).exists()
