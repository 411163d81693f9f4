"""ArgMax and ArgMin: places along one axis.  Few results of many elements each come from parts, whose places a second launch compares."""
from ...core.dtypes import int64
from ...core.errors import InvalidArgumentError
from .call import NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .reduce import BLOCKS, cut
from .teams import LONG, power_above, team_for

COLUMN = 32                   # elements of a column for a thread, at least, where columns are cut


def _register(op_type, op):
    @register_gpu_kernel(op_type, source=f"{op}.cu", T=NUMBERS)
    def describe(call):
        x, out = call.inputs[0], call.outputs[0]
        axis, rank = int(call.inputs[1].value.ravel()[0]), len(x.shape)
        if not -rank <= axis < rank:
            raise InvalidArgumentError(None, None, f"Expected dimension in the range [{-rank}, {rank}), but got {axis}")
        n, inner = x.shape[axis], 1
        for size in x.shape[axis % rank + 1:]:
            inner *= size
        if out.size == 0:
            return
        if n == 0:
            raise InvalidArgumentError(None, None, f"Reduction axis {axis % rank} is empty in shape {list(x.shape)}")
        if inner == 1:
            parts, length = cut(n, out.size, THREADS) if n > LONG else (1, n)
        else:
            parts = max(1, min(BLOCKS * THREADS // out.size, n // COLUMN))
            length = -(-n // parts)
            parts = -(-n // length)
        places = out if parts == 1 else call.scratch(int64, [parts * out.size])
        if inner == 1:
            team = team_for(out.size * parts, length)
            call.launch(typed(f"{op}_{team.name}", x.dtype), team.blocks, team.threads, x, places, out.size, n, parts, length, team.lanes)
        else:
            call.launch(typed(f"{op}_columns", x.dtype), blocks_for(out.size * parts), THREADS, x, places, out.size * parts, n, inner,
                        parts, length)
        if parts > 1:
            lanes = power_above(parts)
            call.launch(typed(f"{op}_choose", x.dtype), blocks_for(out.size, 128 // lanes), 128, x, places, out, out.size, n, inner, parts,
                        lanes)


_register("ArgMax", "arg_max")
_register("ArgMin", "arg_min")
