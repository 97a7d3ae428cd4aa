"""Which reader a log needs."""

from collections.abc import Mapping

from enforcement.detector.addresses import Proxies
from enforcement.detector.json_lines import NAMES, json_lines
from enforcement.detector.lines import Read, common

FORMATS = ("auto", "common", "combined", "json")


def reader(name: str = "auto", *, proxies: Proxies | None = None, fields: Mapping[str, str] | None = None) -> Read:
    """What reads a line of that format; `auto` looks at each line. `fields` says what a JSON log calls a thing, before
    all the usual names.
    """
    believed = proxies or Proxies()
    names = {what: ((fields or {}).get(what, ""), *usual) for what, usual in NAMES.items()}
    of_json = json_lines(believed, {what: tuple(filter(None, each)) for what, each in names.items()})
    of_common = common(believed)
    if name == "auto":
        return lambda raw: (of_json if raw.lstrip().startswith(b"{") else of_common)(raw)
    return of_json if name == "json" else of_common
