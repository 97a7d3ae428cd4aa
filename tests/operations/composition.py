"""docker-compose.yml and the Dockerfile, read as far as tests want to know them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
NGINX = ROOT / "deploy" / "nginx"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
_LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
DOCKERFILE = [(line.split()[0], line.split(maxsplit=1)[1]) for line in _LINES if line and not line.startswith("#")]


def instruction(name: str) -> str:
    """The last of its kind, which is the one that holds."""
    return [rest for word, rest in DOCKERFILE if word == name][-1]


def image_command() -> list[str]:
    command: list[str] = json.loads(instruction("CMD"))
    return command


def health_check(name: str) -> list[str]:
    """What a service of ours is checked with; empty where it is switched off."""
    own = SERVICES[name].get("healthcheck", {})
    if own.get("disable"):
        return []
    if "test" in own:
        return list(own["test"][1:])
    return list(json.loads(instruction("HEALTHCHECK").partition("CMD ")[2]))


def command(name: str) -> list[str]:
    """What a service of ours runs."""
    return [str(part) for part in SERVICES[name].get("command") or image_command()]


def example() -> dict[str, str]:
    """The lines of .env.example that are not commented out."""
    return dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def offered() -> set[str]:
    """All names that .env.example knows, also those it leaves to the reader."""
    return set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """As compose fills in `${NAME}`, `${NAME:-default}` and `${NAME:?sentence}`."""

    def put(found: re.Match[str]) -> str:
        value = values.get(found["name"]) or found["default"]
        assert value is not None, f"{found['name']} is required"
        return value

    return re.sub(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}", put, text)


def environment(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """What a service of ours sees: the file, then what stands beside it."""
    beside = {key: filled_in(str(value), values) for key, value in SERVICES[name]["environment"].items()}
    return {**values, **beside}
