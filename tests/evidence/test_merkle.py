"""The tree against RFC 6962's definition, written down naively, and against the known heads of its own test data."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.evidence import merkle

#: what the reference implementations of Certificate Transparency use as leaves, and the heads that they expect
REFERENCE = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
HEADS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

leaves_of = st.lists(st.binary(max_size=8).map(merkle.leaf_hash), min_size=1, max_size=40)


def naive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + naive(leaves[:split]) + naive(leaves[split:])).digest()


@pytest.mark.parametrize("size", HEADS)
def test_the_reference_heads(size: int) -> None:
    assert merkle.root(map(merkle.leaf_hash, REFERENCE[:size])).hex() == HEADS[size]


def test_the_empty_tree() -> None:
    assert merkle.root([]) == naive([])


@given(leaves_of)
def test_every_head_while_it_grows_is_the_definition(leaves: list[bytes]) -> None:
    tree = merkle.Tree()
    for size, leaf in enumerate(leaves, 1):
        tree.append(leaf)
        assert (tree.size, tree.root()) == (size, naive(leaves[:size]))


@given(leaves_of, st.data())
def test_a_leaf_is_proved_at_its_place_and_nowhere_else(leaves: list[bytes], data: st.DataObject) -> None:
    size, head = len(leaves), naive(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(leaves, index)
    assert merkle.includes(head, size, index, leaves[index], proof)
    other = data.draw(st.integers(-1, size))
    if not 0 <= other < size or leaves[other] != leaves[index]:
        assert not merkle.includes(head, size, other, leaves[index], proof)
    assert not merkle.includes(head, size, index, merkle.leaf_hash(b"something else"), proof)
    assert not merkle.includes(head, size, index, leaves[index], [*proof, head])
    if proof:
        assert not merkle.includes(head, size, index, leaves[index], proof[:-1])
        assert not merkle.includes(head, size, index, leaves[index], [proof[0][::-1], *proof[1:]])


@given(leaves_of, st.data())
def test_a_tree_grew_out_of_its_beginning_and_of_nothing_else(leaves: list[bytes], data: st.DataObject) -> None:
    size, head = len(leaves), naive(leaves)
    old = data.draw(st.integers(1, size))
    proof = merkle.consistency_proof(leaves, old)
    assert merkle.grew((old, naive(leaves[:old])), (size, head), proof)
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*leaves[:changed], merkle.leaf_hash(b"rewritten"), *leaves[changed + 1 :]]
    assert not merkle.grew((old, naive(rewritten[:old])), (size, head), proof)
    assert not merkle.grew((old, naive(leaves[:old])), (size, naive(rewritten)), proof)
    forged = merkle.consistency_proof(rewritten, old)
    assert not merkle.grew((old, naive(leaves[:old])), (size, naive(rewritten)), forged)
    assert not merkle.grew((old, naive(leaves[:old])), (size, head), [*proof, head])
    if proof:
        assert not merkle.grew((old, naive(leaves[:old])), (size, head), proof[:-1])


def test_what_cannot_be_proved() -> None:
    leaves = [merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")]
    for index in (-1, 2):
        with pytest.raises(IndexError):
            merkle.inclusion_proof(leaves, index)
    for size in (0, 3):
        with pytest.raises(IndexError):
            merkle.consistency_proof(leaves, size)
    head = merkle.root(leaves)
    assert not merkle.grew((0, merkle.EMPTY), (2, head), [])
    assert not merkle.grew((3, head), (2, head), [])
    assert not merkle.grew((1, leaves[0]), (2, head), [])
    assert not merkle.grew((3, head), (4, head), [])
