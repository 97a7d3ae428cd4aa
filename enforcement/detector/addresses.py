"""Who called: the address that a line names, or the one that a proxy of the operator's own says stood behind it."""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from enforcement.geolocation import canonical

Block = ipaddress.IPv4Network | ipaddress.IPv6Network

# `[2001:db8::7]:443`, `[2001:db8::7]` and `203.0.113.7:443`, as Envoy and many proxies write a peer.
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}", re.ASCII)


class AddressRefused(Exception):
    """No address can be told; the words say why."""


class ProxyRefused(Exception):
    """What is to be trusted is no network."""


@lru_cache(maxsize=65536)
def address(text: str) -> str:
    """An address in its one form, without port, brackets and zone. Raises AddressRefused."""
    found = _WITH_PORT.fullmatch(text)
    try:
        return canonical((found[1] or found[2]) if found else text)
    except ValueError:
        raise AddressRefused("an address that cannot be read") from None


class Proxies:
    """The operator's own proxies. Only what one of them added to X-Forwarded-For is believed: the rest is whatever
    the client cared to write.
    """

    def __init__(self, blocks: Iterable[str] = ()) -> None:
        self._blocks = [_block(text) for text in blocks]
        self.client = lru_cache(maxsize=65536)(self._client)

    def _client(self, peer: str, forwarded: str) -> str:
        """The first address, from the nearest, that is none of ours; the farthest of ours if all are."""
        chain = [part for part in (each.strip() for each in f"{forwarded},{peer}".split(",")) if part not in ("", "-")]
        if not chain:
            raise AddressRefused("no address")
        if "," in peer and not self._blocks:
            raise AddressRefused("several addresses where one belongs; --trusted-proxy says which to believe")
        for text in reversed(chain):
            found = address(text)
            if not self._trusts(found):
                return found
        return found

    def _trusts(self, ip: str) -> bool:
        each = ipaddress.ip_address(ip)
        return any(each in block for block in self._blocks)


def _block(text: str) -> Block:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ProxyRefused(f"{text!r} is no address and no network such as 10.0.0.0/8.") from None
