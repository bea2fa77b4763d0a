"""What a row of the comparison is: how it is measured, and what is wanted of it."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number of a row. At most one goal: `times` better than Kafka, `at_most`, or within `of_limit` of the machine's."""
    name: str
    higher: bool = False                     # is better
    times: float | None = None
    at_most: float | None = None
    of_limit: float | None = None
    limit: typing.Callable | None = None     # from bench/limits to what the machine allows

    def goal_text(self):
        if self.times:
            return f"{self.times:g} x Kafka's" if self.higher else f"1/{self.times:g} of Kafka's"
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"within {self.of_limit:g} x of the limit" if self.of_limit else ""

    def is_met(self, ottla, kafka, limit):
        """None when it cannot be told."""
        if self.times:
            if kafka is None:
                return None
            return ottla >= self.times * kafka if self.higher else ottla * self.times <= kafka
        if self.at_most is not None:
            return ottla <= self.at_most
        if self.of_limit and limit:
            return (limit / ottla if self.higher else ottla / limit) <= self.of_limit
        return None


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
        return next((metric for metric in self.metrics if metric.name == name), Metric(name))
