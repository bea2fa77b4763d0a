"""The rows of the comparison, in the order in which they run. A file has those that belong together."""

from interop_clients import Unavailable as Skipped  # noqa: F401
from rows import (consume, consume_cold, failover, group, growth, latency, memory, produce, small, start, topic,
                  transactions)

ROWS = [row for module in (produce, small, consume, consume_cold, latency, memory, start, topic, failover, group, growth,
                           transactions) for row in module.ROWS]
