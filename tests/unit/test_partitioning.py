"""Keys go where every other Kafka client would send them."""

import pytest
from kafka.partitioner import murmur2

#: Key (hex), murmur2 and partition of 64, as Apache Kafka 4.1's own Utils.murmur2 and toPositive give them.
KAFKAS_OWN = [
    ("", 275646681, 25),
    ("61", -1563381124, 60),
    ("6162", 316155434, 42),
    ("616263", 479470107, 27),
    ("61626364", -1323649548, 52),
    ("632d3432", 1839191556, 4),
    ("632d31303433", 845881414, 6),
    ("3132333437", -1868582461, 3),
    ("4dc3bc6c6c6572", -1790669443, 61),
    ("e5aea2e688b72d37", -1298338969, 39),
    ("f09f9982", 925250799, 47),
    ("3031323334353637383961626364656630313233343536373839616263646566", 81657833, 41),
    ("00", 375494588, 60),
    ("637573746f6d65722f776974682f736c617368657320616e6420737061636573", -2072608550, 26),
]


@pytest.mark.parametrize(("key", "digest", "partition"), KAFKAS_OWN)
def test_a_key_goes_to_the_partition_that_kafkas_own_client_takes(
    key: str, digest: int, partition: int
) -> None:
    """kafka-python's murmur2 is Kafka's, on ASCII, UTF-8 and every remainder of the length by four."""
    ours = murmur2(bytes.fromhex(key))
    assert ours == digest % 2**32
    assert ours % 2**31 % 64 == partition
