"""Seeds of random ops: from a graph-level and an op-level seed to the two numbers that a random op holds.

Two runs of a program give the same numbers if either seed was set, and other numbers each time if neither was:

    graph seed  op seed   (seed, seed2)
    no          no        none: the op draws a seed of its own when the session is made
    yes         no        (graph seed, the number of ops made so far): ops differ, runs do not
    no          yes       (DEFAULT_GRAPH_SEED, op seed)
    yes         yes       both
"""
from ..graph import get_default_graph

DEFAULT_GRAPH_SEED = 87654321


def get_seed(op_seed):
    """(seed, seed2) for a random op about to be made; (None, None) where neither seed was set."""
    graph = get_default_graph()
    if graph.seed is not None:
        if op_seed is None:                               # the ops in bodies count too: no two may draw the same numbers
            outer = graph.outermost
            op_seed = outer.version + sum(body.version for body in outer._bodies)
        return graph.seed, op_seed
    if op_seed is not None:
        return DEFAULT_GRAPH_SEED, op_seed
    return None, None


def set_random_seed(seed):
    """Set the graph-level seed of the default graph; it holds for the random ops made from here on."""
    get_default_graph().seed = seed
