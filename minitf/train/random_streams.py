"""RandomStreams: where the random ops of a graph stand in their streams, in a variable that a Saver saves."""
import numpy as np

from ..graph import Graph, get_default_graph
from ..ops.variables import Variable


class RandomStreams:
    """With it in a checkpoint, a run that is restored draws the numbers that the first run would have drawn next.

    A random op's numbers follow from its seeds and from how many it has drawn before in its session, so a new session begins anew.  Make
    this after the random ops and before the Saver:

    >>> streams = tf.train.RandomStreams()
    >>> saver = tf.train.Saver()
    >>> streams.remember(sess); saver.save(sess, path)          # and in another process, with the same graph:
    >>> saver.restore(sess, path); streams.recall(sess)

    Ops without seeds are continued too: what the system's entropy gave them is part of what is remembered.  TensorFlow has no such thing.
    """

    def __init__(self, name="random_streams"):
        """Of the random ops that the default graph has now.  ValueError if there are none, or if one is in the body of a cond or a loop: its place
        is not kept, and a restored run would go another way without a word."""
        operations = get_default_graph().get_operations()
        self._ops = [op for op in operations if _is_random(op)]
        for op, inner in ((op, inner) for op in operations for inner in _in_bodies(op)):
            raise ValueError(f"RandomStreams can not remember {inner.name!r} ({inner.type}) in the body of {op.name!r} ({op.type}): draw its numbers "
                             "outside, and let the body use them")
        if not self._ops:
            raise ValueError("The graph has no random ops whose streams could be remembered")
        self.variable = Variable(np.zeros([len(self._ops), 2], np.int64), trainable=False, name=name)

    def remember(self, session):
        """Write into the variable where each op stands in this session."""
        places = [session._random_state(op).place for op in self._ops]
        self.variable.load(np.array(places, np.uint64).astype(np.int64), session)

    def recall(self, session):
        """Put each op of this session where the variable says."""
        for op, place in zip(self._ops, session.run(self.variable).astype(np.uint64).tolist()):
            session._random_state(op).place = place


def _is_random(op):
    return "seed2" in op.attrs and op.type != "ComputeAccidentalHits"


def _in_bodies(op):
    """The random ops in the bodies of an operation, at any depth."""
    for body in op.attrs.values():
        if isinstance(body, Graph):
            for inner in body.get_operations():
                if _is_random(inner):
                    yield inner
                yield from _in_bodies(inner)
