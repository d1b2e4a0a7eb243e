"""The Merkle tree of RFC 6962, section 2.1, over SHA-256: tree heads, and proofs that one part belongs to the whole.

A leaf is hashed with a zero byte before it, a node with a one: no node can pass for a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

#: The head of the tree without leaves.
EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


class Tree:
    """A tree that only grows. It keeps the heads of its complete subtrees alone, one for each one bit of its size."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Begin with these leaf hashes."""
        self.size = 0
        self._heads: list[bytes] = []
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the end."""
        head, size = leaf, self.size
        while size & 1:
            head, size = _node(self._heads.pop(), head), size >> 1
        self._heads.append(head)
        self.size += 1

    def root(self) -> bytes:
        """Return the tree head, 32 bytes."""
        if not self._heads:
            return EMPTY
        head = self._heads[-1]
        for left in reversed(self._heads[:-1]):
            head = _node(left, head)
        return head


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the head of the tree over these leaf hashes."""
    return Tree(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path that proves that leaf `index` stands in the tree; raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"the tree has {len(leaves)} leaves, none is number {index}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]


def includes(head: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` proves that `leaf` is number `index` of the tree of this size and head (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    found, node, last = leaf, index, size - 1
    for each in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = _node(each, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = _node(found, each)
        node, last = node >> 1, last >> 1
    return last == 0 and found == head


def consistency_proof(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """Return the proof that the tree grew out of its own first `size` leaves; raises IndexError."""
    if not 0 < size <= len(leaves):
        raise IndexError(f"the tree has {len(leaves)} leaves, it never grew out of {size}")
    return _subproof(leaves, size, whole=True)


def grew(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether `proof` proves that tree `new` begins with tree `old`, each a size and a head (RFC 9162, 2.1.4.2)."""
    (old_size, old_head), (new_size, new_head) = old, new
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_head == new_head
    path = list(proof) if old_size & (old_size - 1) else [old_head, *proof]
    if not path:
        return False
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    was = now = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            was, now = _node(each, was), _node(each, now)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            now = _node(now, each)
        node, last = node >> 1, last >> 1
    return last == 0 and was == old_head and now == new_head


def _subproof(leaves: Sequence[bytes], size: int, *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if size <= split:
        return [*_subproof(leaves[:split], size, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], size - split, whole=False), root(leaves[:split])]


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
