"""The metrics of all processes together.

The supervisor shows the metrics of its children beside its own: each child sends its text exposition over its pipe, and
`Gathered` adds the label `process`.
"""

from collections.abc import Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


class Gathered(Collector):
    """The metrics of other processes, each with the label `process`."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def put(self, process: str, text: str) -> None:
        """Take the newest exposition of a process."""
        self._texts[process] = text

    def drop(self, process: str) -> None:
        """Forget a process that is gone."""
        self._texts.pop(process, None)

    def collect(self) -> Iterable[Metric]:
        """Give the families of all processes, each family once."""
        families: dict[str, Metric] = {}
        for process, text in sorted(self._texts.items()):
            for family in text_string_to_metric_families(text):
                if family.name.endswith("_created"):
                    continue  # when a counter began says nothing beside the process's own start
                whole = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                _add(whole, family, {"process": process})
        return families.values()


def _add(whole: Metric, family: Metric, extra: Mapping[str, str]) -> None:
    for sample in family.samples:
        whole.add_sample(sample.name, {**sample.labels, **extra}, sample.value)
