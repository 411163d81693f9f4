"""Every test here builds in a graph of its own, and evaluates in a session that is the default."""
import pytest

import minitf as tf


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess
