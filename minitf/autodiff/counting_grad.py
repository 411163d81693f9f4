"""Counts do not move with what is counted."""
from ..core.registry import not_differentiable

for _op_type in ("Bincount", "HistogramFixedWidth"):
    not_differentiable(_op_type)
