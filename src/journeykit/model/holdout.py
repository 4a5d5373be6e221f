"""Holdouts and splits: who is left out, decided by a hash and never by a stream of random numbers."""

from __future__ import annotations

from attrs import field, frozen

from journeykit.basics.validation import number, required_text


def _fnv1a(text: str) -> int:
    found = 0x811C9DC5
    for char in text:
        found = ((found ^ ord(char)) * 0x01000193) & 0xFFFFFFFF
    return found


def bucket(seed: str, key: str) -> float:
    """A number from 0 to below 1, in steps of 1/10,000, that depends on the seed and the key alone.

    This is version 2 of the hash that the GrowthBook SDKs publish: FNV-1a (32 bits) of the decimal text of
    FNV-1a of seed and key, modulo 10,000. Two systems that share a seed therefore agree on every contact.

    Example:
        >>> bucket("seed", "a"), bucket("foo", "ab")
        (0.0505, 0.2575)
    """
    return _fnv1a(str(_fnv1a(seed + key))) % 10_000 / 10_000


@frozen
class Holdout:
    """A share of contacts that is left out, to measure what the messages do.

    Attributes:
        share: from 0 to 1; a contact is in the holdout when the contact's bucket is below it.
        seed: another seed leaves out other contacts.

    Example:
        >>> Holdout(share=0.1, seed="seed").holds("a")
        True
    """

    share: float = field(validator=number(0, 1))
    seed: str = field(default="holdout", validator=required_text)

    def holds(self, contact: str) -> bool:
        """Whether a contact is left out."""
        return bucket(self.seed, contact) < self.share
