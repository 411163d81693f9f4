"""Gradients stop at accumulators: what is taken out of one depends on what other steps have put in."""
from ..core.registry import not_differentiable

for _op_type in ("ConditionalAccumulator", "AccumulatorApplyGradient", "AccumulatorTakeGradient", "AccumulatorNumAccumulated", "AccumulatorSetGlobalStep",
                 "SparseConditionalAccumulator", "SparseAccumulatorApplyGradient", "SparseAccumulatorTakeGradient"):
    not_differentiable(_op_type)
