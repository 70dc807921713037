"""Numbers in the text format that Prometheus reads. Pure.

Source: prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})


@dataclass(frozen=True, kw_only=True)
class Family:
    """One metric: its name, what it means, and a number for each set of labels. All of ours are gauges."""

    name: str
    help: str
    samples: Sequence[tuple[Mapping[str, str], float]]


def exposition(families: Sequence[Family]) -> str:
    """Return `families` as text; one without a sample is left out."""
    return "".join(_lines(family) for family in families if family.samples)


def _lines(family: Family) -> str:
    head = f"# HELP {family.name} {family.help.translate(_HELP_ESCAPES)}\n# TYPE {family.name} gauge\n"
    return head + "".join(f"{family.name}{_labels(labels)} {_number(value)}\n" for labels, value in family.samples)


def _labels(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _number(value: float) -> str:
    # An integer to the last digit: 1e+15 bytes are not what a store holds.
    return str(int(value)) if float(value).is_integer() else repr(float(value))
