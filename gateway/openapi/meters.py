"""Meters for schemathesis, which knows nothing of signed readings: without them it would get no further than
the gateway's first look at a body. What the gateway answered is noted in the file that ANSWERS names.

As a program it prints the file of their keys, for a gateway without a node.
"""

import hashlib
import json
import os

import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

GENESIS = b"\1" * 32
METERS = {meter: Ed25519PrivateKey.from_private_bytes(bytes([meter]) * 32) for meter in range(1, 9)}
# ed25519, sr25519, secp256k1
SIGNATURE_LENGTHS = (64, 64, 65)


def compact(number):
    """A SCALE compact integer."""
    for mode, bits in enumerate((6, 14, 30)):
        if number < 1 << bits:
            return (number << 2 | mode).to_bytes(1 << mode, "little")
    digits = number.to_bytes((number.bit_length() + 7) // 8, "little")
    return bytes([(len(digits) - 4) << 2 | 3]) + digits


def option(encoded):
    return b"\0" if encoded is None else b"\1" + encoded


numbers = {bits: st.one_of(st.integers(0, 50), st.integers(0, (1 << bits) - 1)) for bits in (16, 32, 64)}
compacts = {bits: number.map(compact) for bits, number in numbers.items()}
phases = st.tuples(compacts[32], compacts[32], st.binary(min_size=2, max_size=2)).map(b"".join)
qualities = st.tuples(
    compacts[32], st.lists(phases, max_size=3).map(lambda some: compact(len(some)) + b"".join(some))
).map(b"".join)


@st.composite
def frames(draw):
    """A reading in SCALE and its signature: right, another meter's, or nobody's."""
    meter = draw(st.sampled_from(sorted(METERS)))
    captured_at = draw(st.one_of(st.integers(0, 1_700_000_000), st.just((1 << 64) - 1)))
    fields = [
        compact(meter),
        draw(compacts[64]),
        compact(captured_at),
        draw(compacts[64]),
        draw(compacts[64]),
        option(draw(st.none() | compacts[64])),
        option(draw(st.none() | qualities)),
        option(draw(st.none() | compacts[32])),
        draw(compacts[16]),
    ]
    reading = b"".join(fields)
    key_type = draw(st.sampled_from((0, 0, 0, 1, 2)))
    if key_type == 0:
        signer = METERS[draw(st.sampled_from((meter, meter, meter, meter % len(METERS) + 1)))]
        digest = hashlib.blake2b(b"gridweave/reading/v1" + GENESIS + reading, digest_size=32).digest()
        signature = signer.sign(digest)
    else:
        length = SIGNATURE_LENGTHS[key_type]
        signature = draw(st.binary(min_size=length, max_size=length))
    return reading + bytes([key_type]) + signature


schemathesis.openapi.format("frame", frames().map(lambda frame: "0x" + frame.hex()))
schemathesis.openapi.media_type(
    "application/octet-stream", st.lists(frames(), min_size=1, max_size=8).map(b"".join)
)


@schemathesis.deserializer("application/octet-stream")
def page(context, response):
    """A page of readings, read to its last byte: the description can only say that it is binary."""
    rest = response.content[8:]
    mode = rest[0] & 3
    assert len(response.content) > 8 and mode < 3
    count, rest = int.from_bytes(rest[: 1 << mode], "little") >> 2, rest[1 << mode :]
    last = 0
    for _ in range(count):
        offset, rest = int.from_bytes(rest[:8], "little"), rest[8:]
        assert offset > last
        last, rest = offset, rest[frame_length(rest) :]
    assert not rest
    return response.content.decode("latin-1")


def frame_length(encoded):
    at = 0

    def skip_compact():
        nonlocal at
        mode = encoded[at] & 3
        at += 1 << mode if mode < 3 else (encoded[at] >> 2) + 5

    def skip_option(skip):
        nonlocal at
        at += 1
        if encoded[at - 1]:
            skip()

    def skip_quality():
        nonlocal at
        skip_compact()
        phases, at = encoded[at] >> 2, at + 1
        for _ in range(phases):
            skip_compact()
            skip_compact()
            at += 2

    for _ in range(5):
        skip_compact()
    for skip in (skip_compact, skip_quality, skip_compact):
        skip_option(skip)
    skip_compact()
    return at + 1 + SIGNATURE_LENGTHS[encoded[at]]


@schemathesis.hook
def after_call(context, case, response):
    with open(os.environ["ANSWERS"], "a") as answers:
        print(case.method, case.path, response.status_code, file=answers)


if __name__ == "__main__":
    keys = {
        str(meter): {"ed25519": "0x" + key.public_key().public_bytes_raw().hex()} for meter, key in METERS.items()
    }
    print(json.dumps({"genesis": "0x" + GENESIS.hex(), "meters": keys}))
