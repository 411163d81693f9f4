"""Writes that nobody orders (5 points)

Two updates of one variable in one run, with no path of edges from one to the other: which comes last is up to the session (section 8).
That is a mistake, and the graph shows it before anything runs.  Find all of them.

    double = tf.assign(v, v * 2.0)
    add_ten = tf.assign(v, v + 10.0)
    unordered_writes([double, add_ten], [])                 [(v.op, double.op, add_ten.op)]

With `with tf.control_dependencies([double]):` around the second assign there is a path, and nothing is found.

* Only what the run executes counts.  needed(operations, fed tensors), which is given, tells what that is, in an order of its own: what a
  fed tensor cuts off does not write.  A fetch is a tensor or an operation; a fetched tensor that is fed needs nothing.
* written_by(op), which is given, lists the variables (their operations) that an operation writes.
* A path may be long, and made of data edges (op.inputs, tensors) and control edges (op.control_inputs, operations) in any mixture.
  It may lead through operations that write nothing.  Of a fed tensor nothing is known: no path leads through it.
* Two writes that only add, AssignAdd and AssignSub for example (ADDING), come to the same in either order: they are no mistake.
* Two hundred writes in a graph of 2,000 operations must not take longer than a second: do not look for a path for every pair anew.

Replaces minitf.session.unordered.unordered_writes, which sess.explain(...).notes shows.  Grade it with:  make grade CH=02
"""
from minitf.session.prune import needed
from minitf.session.unordered import ADDING


def written_by(op):
    """The variables (operations) that an operation writes.

    An update hands its variable on: in tf.assign_add(tf.assign(v, 1.0), 2.0), both operations write v.
    """
    found = []
    for arg, t in zip(op.op_def.inputs, op.inputs):
        if arg.is_ref and op.op_def.outputs and op.type != "IsVariableInitialized":
            variable = t.op
            while variable.type != "VariableV2" and variable.inputs:
                variable = variable.inputs[0].op
            found.append(variable)
    return found


def unordered_writes(fetches, feeds):
    """[(variable, first, second)]: operations; of each pair, the write that was made first comes first.  (Operation._id counts the
    operations of a graph in the order of their creation.)

    fetches: [Tensor or Operation]; feeds: the fed tensors, as a list or a dict
    """
    ### BEGIN SOLUTION
    roots = [getattr(f, "op", f) for f in fetches if f not in feeds]
    operations = sorted(needed(roots, set(feeds)), key=lambda op: op._id)
    writers = {}                                 # variable -> its writes
    for op in operations:
        for variable in written_by(op):
            writers.setdefault(variable, []).append(op)
    interesting = {op for ops in writers.values() if len(ops) > 1 for op in ops}
    above = {}                                   # operation -> the interesting ones from which a path leads to it, itself included
    for op in operations if interesting else ():
        sources = [t.op for t in op.inputs if t not in feeds] + op.control_inputs
        sets = [above[s] for s in sources if above.get(s)]
        if op in interesting:
            sets.append(frozenset([op]))
        above[op] = sets[0] if len(sets) == 1 else frozenset().union(*sets)
    found = []
    for variable, ops in writers.items():
        for k, second in enumerate(ops):
            for first in ops[:k]:
                both_add = {first.type, second.type} <= ADDING
                if first is not second and first not in above[second] and not both_add:
                    found.append((variable, first, second))
    return found
    ### END SOLUTION
