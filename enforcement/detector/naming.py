"""Whose request it is: rules that take an account or a key from a line."""

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache

from enforcement.detector.json_lines import lookup, name_of
from enforcement.detector.lines import Line, Malformed

RULES = "user | field:NAME | query:NAME | network/BITS"

_ACCOUNT = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_NETWORK = re.compile(r"network/(\d{1,2})")
# An IPv6 customer is given a /48 to /56; twice the bits of IPv4 and a little is as coarse as a /16 is there.
_IPV6_BITS_FOR = 2

Rule = Callable[[Line], str]


class RuleRefused(Exception):
    """The rule cannot be read."""


def rule(text: str) -> Rule:
    """`user`: who authenticated; `field:NAME` of a JSON line, also `field:OUTER.INNER`; `query:NAME` of the request;
    `network/16`: one account per IPv4 /16 and IPv6 /32, for logs that name nobody.
    """
    kind, _, name = text.partition(":")
    if text == "user":
        return lambda line: line.user
    if kind == "field" and name:
        return lambda line: _field(line, name)
    if kind == "query" and name:
        return lambda line: line.query(name)
    network = _NETWORK.fullmatch(text)
    if network and 1 <= int(network[1]) <= 32:
        bits = int(network[1])
        return lambda line: _network(line.ip, bits)
    raise RuleRefused(f"{text!r} is none of {RULES}")


def _field(line: Line, name: str) -> str:
    found = name_of(lookup(line.fields, name))
    if found is None:
        raise Malformed(f"a {name} that is neither text nor a whole number")
    return found


@lru_cache(maxsize=65536)
def _network(ip: str, bits: int) -> str:
    address = ipaddress.ip_address(ip)
    length = bits if address.version == 4 else min(128, bits * _IPV6_BITS_FOR)
    network = ipaddress.ip_network((address, length), strict=False)
    return f"net-{network.network_address}-{length}"


def check_account(account: str) -> str:
    """The account, if the API would take the name."""
    if not account:
        raise Malformed("no account")
    if _ACCOUNT.fullmatch(account) is None:
        raise Malformed("an account name with characters other than A-Z a-z 0-9 . _ : @ -")
    return account
