"""The metrics as tables, from their declaration."""

from prometheus_client.metrics import MetricWrapperBase

from enforcement import metrics
from tests.docs.blocks import table


def draw(which: str) -> str:
    """`counted`: by the processes; `read`: from the database at each scrape."""
    return _counted() if which == "counted" else _read()


def _counted() -> str:
    rows = []
    for declared in vars(metrics).values():
        if isinstance(declared, MetricWrapperBase):
            (family,) = declared.collect()
            suffix = "_total" if family.type == "counter" else ""
            rows.append((f"`{family.name}{suffix}`", family.type, _listed(declared._labelnames), family.documentation))
    return table(("metric", "type", "labels", "what it tells"), rows)


def _read() -> str:
    readings = [each for each in vars(metrics).values() if isinstance(each, metrics.Reading)]
    rows = [(f"`{each.name}`", _listed([each.label] if each.label else []), each.help) for each in readings]
    return table(("gauge", "label", "what it tells"), rows)


def _listed(labels: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{label}`" for label in labels)
