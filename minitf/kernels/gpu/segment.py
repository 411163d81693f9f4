"""UnsortedSegmentSum.  The other reductions by segment have outputs whose shape depends on data, or no addition that the memory can do."""
from .call import NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed


@register_gpu_kernel("UnsortedSegmentSum", source="segment.cu", T=NUMBERS)
def unsorted_segment_sum(call):
    """inputs (data, segment_ids, num_segments); output[s] = the sum of the slices of data whose id is s.

    By atomic additions: which slice comes first is not fixed, so the last bits of a float sum of three or more may differ from run to run.
    """
    x, ids, _ = call.inputs
    out = call.outputs[0]
    segments = out.shape[0]
    row = x.size // max(1, ids.size)
    call.zero(out)
    flag = call.flag(f"segment_ids = {{value}} is out of range [0, {segments})")
    call.launch(typed(typed("segment_sum", ids.dtype), x.dtype), blocks_for(x.size), THREADS, x, ids, out, x.size, row, segments, flag)
