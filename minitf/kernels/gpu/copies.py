"""Ops that change no byte.  Mostly they cost nothing, since the plan lets their output be their input's memory; where it can not, they copy."""
from .call import register_gpu_kernel


def copy(call):
    call.copy(call.outputs[0], call.inputs[0])


for _op_type in ("Identity", "StopGradient", "Reshape", "Squeeze", "ExpandDims", "PlaceholderWithDefault", "Bitcast"):
    register_gpu_kernel(_op_type)(copy)
