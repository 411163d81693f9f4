"""TopKV2: the k greatest elements of each row."""
from ...core.errors import InvalidArgumentError
from .call import NUMBERS, register_gpu_kernel, typed
from .teams import team_for


@register_gpu_kernel("TopKV2", source="top_k.cu", T=NUMBERS)
def top_k(call):
    """input [..., n], k -> values [..., k] in descending order, indices [..., k]."""
    x, (values, places) = call.inputs[0], call.outputs
    n, k = x.shape[-1], values.shape[-1]
    if k > n:
        raise InvalidArgumentError(None, None, f"input must have at least k columns: it has {n}, and k is {k}")
    rows = values.size // max(1, k)
    team = team_for(rows, n)
    call.launch(typed(f"top_k_{team.name}", x.dtype), team.blocks, team.threads, x, values, places, rows, n, k, team.lanes)
