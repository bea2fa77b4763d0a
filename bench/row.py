"""What a row of the comparison is: how it is measured, and what is wanted of it."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number of a row, and what is wanted of it: `times` better than Kafka, `at_most`, within `of_limit` of the machine's."""
    name: str
    higher: bool = False                     # is better
    times: float | None = None
    at_most: float | None = None
    of_limit: float | None = None
    limit: typing.Callable | None = None     # from the row `limits` to what the machine allows
    is_ratio: bool = True                    # it means something to divide Kafka's by Ottla's

    def goal_text(self):
        goals = []
        if self.times:
            goals.append(f"{self.times:g} x Kafka's" if self.higher else f"1/{self.times:g} of Kafka's")
        if self.at_most is not None:
            goals.append(f"at most {self.at_most:g}")
        if self.of_limit:
            goals.append(f"within {self.of_limit:g} x of the limit")
        return "; ".join(goals)

    def is_met(self, ottla, kafka, limit):
        """None when it cannot be told."""
        verdicts = []
        if self.times and kafka is not None:
            verdicts.append(ottla >= self.times * kafka if self.higher else ottla * self.times <= kafka)
        if self.at_most is not None:
            verdicts.append(ottla <= self.at_most)
        if self.of_limit and limit:
            verdicts.append((limit / ottla if self.higher else ottla / limit) <= self.of_limit)
        return all(verdicts) if verdicts else None


@dataclasses.dataclass(frozen=True)
class Row:
    """`measure(System, size)` starts what it needs and returns {metric: number}, for a metric of which there is one for each
    of several sizes {metric: {size: number}}. `size` has the values of `full` or `quick`."""
    name: str
    what: str
    measure: typing.Callable
    full: dict
    quick: dict
    metrics: tuple = ()

    def metric(self, name):
        """Of what has no goal, more is better if it is something a second."""
        return next((metric for metric in self.metrics if metric.name == name), Metric(name, higher="/s" in name))
