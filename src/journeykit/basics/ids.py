"""Identity: the hashes that name contacts and decisions, the same in both engines.

A contact's key is MurmurHash3 (x64, 128 bits, seed 0) of the id in UTF-8: a published hash, fast over columns. The
id of a decision mixes that key with a digest of everything else that tells it apart, with Murmur's own finalizer,
which maps 64 bits to 64 bits one to one: two claims of one contact never share an id.
"""

from __future__ import annotations

import json
from hashlib import sha256

_MASK = 2**64 - 1
FIRST = 0x87C37B91114253D5
SECOND = 0x4CF5AD432745937F
STIR_FIRST = 0xFF51AFD7ED558CCD
STIR_SECOND = 0xC4CEB9FE1A85EC53

Key = tuple[int, int]
"""128 bits as two unsigned halves."""


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def stir(value: int) -> int:
    """Murmur's finalizer: 64 bits, each of which depends on all that were given.

    Example:
        >>> hex(stir(1))
        '0xb456bcfc34c2cb2c'
    """
    value ^= value >> 33
    value = value * STIR_FIRST & _MASK
    value ^= value >> 33
    value = value * STIR_SECOND & _MASK
    return value ^ value >> 33


def contact_key(contact: str) -> Key:
    """The key of a contact: MurmurHash3 (x64, 128 bits, seed 0) of the id.

    Example:
        >>> [f"{half:016x}" for half in contact_key("hello")]
        ['cbd8a7b341bd9b02', '5b1e906a48ae1d19']
    """
    text = contact.encode("utf-8", "surrogatepass")
    one = two = 0
    whole = len(text) // 16 * 16
    for at in range(0, whole, 16):
        one ^= _turn(int.from_bytes(text[at : at + 8], "little") * FIRST & _MASK, 31) * SECOND & _MASK
        one = ((_turn(one, 27) + two) * 5 + 0x52DCE729) & _MASK
        two ^= _turn(int.from_bytes(text[at + 8 : at + 16], "little") * SECOND & _MASK, 33) * FIRST & _MASK
        two = ((_turn(two, 31) + one) * 5 + 0x38495AB5) & _MASK
    two ^= _turn(int.from_bytes(text[whole + 8 :], "little") * SECOND & _MASK, 33) * FIRST & _MASK
    one ^= _turn(int.from_bytes(text[whole : whole + 8], "little") * FIRST & _MASK, 31) * SECOND & _MASK
    one ^= len(text)
    two ^= len(text)
    one = (one + two) & _MASK
    two = (two + one) & _MASK
    one, two = stir(one), stir(two)
    one = (one + two) & _MASK
    return one, (two + one) & _MASK


def claim_digest(
    run: str,
    campaign: str,
    content: str | None,
    channel: str | None,
    own: str | None,
    twin: int = 0,
    claim: str | None = None,
) -> Key:
    """What tells a claim apart from the others of its contact and from those of other runs.

    Args:
        run: the name of the run.
        campaign: the campaign's id.
        content: the content's id.
        channel: the channel.
        own: the claim's own date or instant.
        twin: 0, or which of several it is that nothing else tells apart.
        claim: the claim's own id.
    """
    parts: list[str | int | None] = [run, campaign, content, channel, own]
    if claim is not None:
        parts += [twin, claim]
    elif twin:
        parts.append(twin)
    found = sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(found[:8], "big"), int.from_bytes(found[8:16], "big")


def decision_id(contact: Key, claim: Key) -> str:
    """The id of a decision, 32 hexadecimal digits.

    Example:
        >>> decision_id(contact_key("anna"), claim_digest("run", "launch", None, "email", None))
        '540c44e3231c38d78364b23b8b679080'
    """
    first = stir(contact[0] ^ claim[0])
    return f"{first:016x}{stir(contact[1] ^ claim[1] ^ first):016x}"
