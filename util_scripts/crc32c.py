"""CRC-32C (Castagnoli), fast enough for files of weights without an extension module."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # reflected
_ALL_ONES = 0xFFFFFFFF
_MOST_LANES = 4096
_SHORT = 256  # bytes up to which lanes do not pay

Words = NDArray[np.uint32]


def crc32c(data: bytes) -> int:
    """The checksum of ``data``.

    The remainder is linear over GF(2). So the data is cut into equal lanes whose remainders are found side by side, and
    neighbours are then joined: the left one is moved on by the length of the right one, which is a 32x32 bit matrix.
    """
    if len(data) <= _SHORT:
        return _remainder(data) ^ _ALL_ONES
    count = min(1 << len(data).bit_length() // 2, _MOST_LANES)
    lane_length = -(-len(data) // count)
    lanes = np.zeros(count * lane_length, np.uint8)  # zeros in front leave a remainder of zero as it is
    lanes[-len(data) :] = np.frombuffer(data, np.uint8)
    lanes[-len(data) :][:4] ^= 0xFF  # the same as starting from all ones
    remainders = np.zeros(count, np.uint32)
    for column in np.ascontiguousarray(lanes.reshape(count, lane_length).T):
        remainders = _TABLE[(remainders ^ column) & 0xFF] ^ (remainders >> 8)
    move = _moving_on(lane_length)
    while len(remainders) > 1:
        remainders = _apply(move, remainders[::2]) ^ remainders[1::2]
        move = _apply(move, move)
    return int(remainders[0]) ^ _ALL_ONES


def masked_crc32c(data: bytes) -> int:
    """The checksum as LevelDB tables and TensorFlow store it: rotated by 15 bits to the right, plus a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _ALL_ONES


def _remainder(data: bytes) -> int:
    remainder = _ALL_ONES
    for byte in data:
        remainder = _TABLE_OF_INTS[(remainder ^ byte) & 0xFF] ^ remainder >> 8
    return remainder


def _table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ _POLYNOMIAL, table >> 1).astype(np.uint32)
    return table


def _moving_on(count: int) -> Words:
    """The matrix (its 32 columns as words) that moves a remainder on by ``count`` zero bytes."""
    result = np.uint32(1) << np.arange(32, dtype=np.uint32)
    power = _TABLE[result & 0xFF] ^ (result >> 8)  # by one byte
    while count:
        if count & 1:
            result = _apply(power, result)
        power = _apply(power, power)
        count >>= 1
    return result


def _apply(matrix: Words, words: Words) -> Words:
    result = np.zeros_like(words)
    for bit in range(32):
        result ^= np.where(words >> np.uint32(bit) & 1, matrix[bit], 0).astype(np.uint32)
    return result


_TABLE = _table()
_TABLE_OF_INTS: list[int] = _TABLE.tolist()
