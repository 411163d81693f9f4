"""A cost model that learns from a traced step (3 points)

The chapter measured operations one by one.  The package's trace of a step is another thing: it tells what the *instructions* of the
compiled program took.  One instruction may do the work of several operations (a fused chain), and some operations have none: constants that
were folded, and operations that were merged with equal ones.

Write `update`, a method of CostModel.

    self          the model.  self.record(name, device, microseconds, nbytes) notes one measurement of an operation; nbytes: {output number:
                  bytes}, or None where nothing is known of them.  self.steps counts the steps that the model has learned from
    step_stats    the trace: step_stats.dev_stats is a list with, for each device, its name (.device) and its instructions (.node_stats).
                  Of an instruction:
                    node_name            the name of an operation
                    members              names of the operations whose work it does; [] for a Send or a Recv, which are nobody's work
                    work_nanos           how long it worked, in nanoseconds.  (op_end_rel_nanos has its waits in it, for what others
                                         computed)
                    output               its results: each has .slot, the output's number, and .tensor_description.requested_bytes
    nodes         {name: device} of all operations of the program that ran, or None

Record each operation once for each device that it was seen on, in microseconds:

  * an instruction with several members took each an equal part of its time
  * an operation with several instructions on one device (the program was cut, and ran in pieces) took their sum
  * an operation of `nodes` that no instruction on any device has among its members took 0.0 on the device that nodes gives
  * nbytes is known of an operation that has an instruction to itself: members is just [node_name].  A fused chain tells only of its last
    result

And count the step.

Example: one device "CPU:0" with an instruction of 3000 ns for ["mul", "add"], one of 500 ns for ["y"] with an output 0 of 80 bytes, a Send
of 900 ns, and nodes {"mul": "CPU:0", "add": "CPU:0", "y": "CPU:0", "two": "CPU:0"}:

    record("mul", "CPU:0", 1.5, None)       record("add", "CPU:0", 1.5, None)
    record("y", "CPU:0", 0.5, {0: 80})      record("two", "CPU:0", 0.0, None)

Replaces minitf.placement.cost_model.CostModel.update.     make grade CH=08
"""


def update(self, step_stats, nodes=None):
    """Learn from a traced step."""
    ### BEGIN SOLUTION
    spent, results, seen = {}, {}, set()
    for part in step_stats.dev_stats:
        for instruction in part.node_stats:
            for name in instruction.members:
                key = name, part.device
                spent[key] = spent.get(key, 0.0) + instruction.work_nanos / 1000 / len(instruction.members)
                seen.add(name)
            if list(instruction.members) == [instruction.node_name]:
                sizes = {o.slot: o.tensor_description.requested_bytes for o in instruction.output}
                results[instruction.node_name, part.device] = sizes
    for name, device in (nodes or {}).items():
        if name not in seen:
            spent[name, device] = 0.0
    for key, microseconds in spent.items():
        self.record(*key, microseconds, results.get(key))
    self.steps += 1
    ### END SOLUTION
