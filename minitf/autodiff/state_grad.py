"""Ops that gradients do not pass: state and its updates, random numbers, Python functions, checks, summaries, control.

A variable's value depends on its updates in time, not in the graph of one step; gradients with respect to it stop at the variable.
"""
from ..core.registry import not_differentiable
from ..ops.training_ops import UPDATES

for _op_type in ("VariableV2", "Assign", "AssignAdd", "AssignSub", "IsVariableInitialized", "ScatterAdd", "ScatterSub", "ScatterUpdate",
                 "ScatterMul", "ScatterDiv", "ScatterMin", "ScatterMax", "ScatterNdUpdate", "ScatterNdAdd", "ScatterNdSub", "CountUpTo",
                 "ApplyGradientDescent", "ApplyAdam",
                 "RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt", "OrthonormalColumns", "RandomShuffle",
                 "Multinomial", "RandomGamma", "RandomPoisson",
                 "UniformCandidateSampler", "LogUniformCandidateSampler", "FixedUnigramCandidateSampler", "LearnedUnigramCandidateSampler",
                 "AllCandidateSampler", "ComputeAccidentalHits",
                 "NoOp", "PyFunc", "PyFuncStateless", "Assert",
                 "ScalarSummary", "HistogramSummary", "ImageSummary", "AudioSummary", "TextSummary", "MergeSummary"):
    not_differentiable(_op_type)

for _op_type in UPDATES:
    not_differentiable(_op_type)
    not_differentiable("Sparse" + _op_type)
not_differentiable("SparseApplyAdam")
