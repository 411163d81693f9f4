"""A graph that grows between runs: an op made inside a training loop is made again in every round, and none is ever freed."""
import warnings

from ..core.source import user_level
from .executable import Watch

ENOUGH = 10                   # successive runs that may each find new ops, made at the same lines, before that is a loop


class Growth(Watch):
    """Warns, once a session, when more than ENOUGH successive runs each found new ops, the first of which was made at the same lines.

    In a notebook each cell makes ops and runs them, but at its own lines.
    """

    def __init__(self, graph):
        super().__init__(graph._operations)
        self._source, self._told = None, False

    def seen(self):
        first, count = self.operations[self.version], len(self.operations) - self.version
        self.version += count
        if self._told:
            return
        self.times = self.times + 1 if first.source == self._source else 1
        self._source = first.source
        if self.times > ENOUGH:
            self._told = True
            warnings.warn(f"The graph has grown on each of the last {self.times} runs, by {count} operation{'s' * (count > 1)} this time; the first of them, "
                          f"'{first.name}' ({first.type}), was made at {first.source}. A graph that grows inside a loop slows every step down, and "
                          "nothing of it is freed: make the operations before the loop. sess.graph.finalize() turns any that is made later into an error.",
                          stacklevel=user_level())
