import pytest

import minitf as tf


@pytest.fixture(autouse=True)
def graph():
    """Each test builds in a graph of its own."""
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def names(graph):
    """The names of the ops that the test has made so far."""
    return lambda: [op.name for op in graph.get_operations()]
