"""What a token costs: one compiled table for budget, estimate and report.

Nothing but the standard library, and the table is read when the first price is asked for.
`compile` makes it of what `genai-prices` publishes: `ship` for the package, `update` for a user
who wants fresher prices than that.
"""

from ccfb.prices.model import Price, Rates, Usage, cost, usage_of
from ccfb.prices.table import dearest, forget, price

__all__ = ["Price", "Rates", "Usage", "cost", "dearest", "forget", "price", "usage_of"]
