"""A writer of tiny MaxMind-format databases (format 2.0), so that tests read a real file."""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

BUILT = 1_780_272_000  # 2026-06-01

_STRING, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 2, 5, 6, 7, 9, 11


class _Number(NamedTuple):
    """Readers insist on the width of each number."""

    kind: int
    value: int


def write_mmdb(
    file: Path, records: Mapping[str, Any], *, kind: str = "Test-Country", version: int = 6, built: int = BUILT
) -> Path:
    """`records` maps blocks to what stands there; a database of version 6 holds IPv4 below ::/96."""
    data, offsets = b"", {}
    for block, record in records.items():
        offsets[block] = len(data)
        data += _encode(record)
    tree = _tree({_bits(block, version): offset for block, offset in offsets.items()})
    nodes = b"".join(_node(pair, len(tree)) for pair in tree)
    meta = {
        "node_count": _Number(_UINT32, len(tree)), "record_size": _Number(_UINT16, 32),
        "ip_version": _Number(_UINT16, version), "database_type": kind, "languages": [], "description": {},
        "binary_format_major_version": _Number(_UINT16, 2), "binary_format_minor_version": _Number(_UINT16, 0),
        "build_epoch": _Number(_UINT64, built),
    }  # fmt: skip
    file.write_bytes(nodes + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encode(meta))
    return file


def _bits(block: str, version: int) -> str:
    network = ipaddress.ip_network(block)
    bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
    return "0" * 96 + bits if (network.version, version) == (4, 6) else bits


def _tree(leaves: Mapping[str, int]) -> list[list[Any]]:
    """Nodes of two sides each: None, the number of a node, or ("data", offset)."""
    tree: list[list[Any]] = [[None, None]]
    for bits, offset in leaves.items():
        node = 0
        for bit in bits[:-1]:
            if tree[node][int(bit)] is None:
                tree.append([None, None])
                tree[node][int(bit)] = len(tree) - 1
            node = tree[node][int(bit)]
        tree[node][int(bits[-1])] = ("data", offset)
    return tree


def _node(pair: list[Any], count: int) -> bytes:
    sides = (count if side is None else side if isinstance(side, int) else count + 16 + side[1] for side in pair)
    return struct.pack(">II", *sides)


def _encode(value: Any) -> bytes:
    match value:
        case str():
            return _control(_STRING, len(value.encode())) + value.encode()
        case int():
            return _encode(_Number(_UINT32, value))
        case _Number(kind, number):
            raw = number.to_bytes(8).lstrip(b"\0")
            return _control(kind, len(raw)) + raw
        case list():
            return _control(_ARRAY, len(value)) + b"".join(map(_encode, value))
        case dict():
            return _control(_MAP, len(value)) + b"".join(_encode(each) for pair in value.items() for each in pair)
    raise TypeError(value)


def _control(kind: int, size: int) -> bytes:
    extended = bytes([kind - 7]) if kind > 7 else b""
    assert size < 285
    low, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([(0 if extended else kind) << 5 | low]) + extended + more
