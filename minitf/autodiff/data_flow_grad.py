"""Gradients stop at queues: what comes out went in in another step."""
from ..core.registry import not_differentiable

for _op_type in ("FIFOQueue", "RandomShuffleQueue", "PaddingFIFOQueue", "PriorityQueue", "QueueEnqueue", "QueueEnqueueMany", "QueueDequeue",
                 "QueueDequeueMany", "QueueDequeueUpTo", "QueueSize", "QueueClose", "QueueIsClosed"):
    not_differentiable(_op_type)
