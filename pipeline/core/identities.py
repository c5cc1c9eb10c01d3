"""Identities: what has a name is known by eight bytes of its hash, in strings of records of one width.

Such a string is kept as it is stored: nothing is made of it when a customer is loaded, and nothing is packed when one
is written, which happens with nearly every event. Names themselves are not kept.
"""

from hashlib import blake2b

#: Bytes of an identity: two of one customer's are the same once in 10^15.
IDENTITY = 8
_NEW = blake2b(digest_size=IDENTITY).copy  # to copy one costs less than to make one


def identity_of(name: str) -> bytes:
    """The identity of a name, which may be any string that JSON can hold."""
    digest = _NEW()
    digest.update(name.encode(errors="surrogatepass"))
    return digest.digest()


def find(records: bytes, identity: bytes, width: int = IDENTITY) -> int:
    """Where the record that begins with this identity begins; -1 if there is none."""
    at = records.find(identity)
    while at > 0 and at % width:
        at = records.find(identity, at + 1)  # it lay across two
    return at
