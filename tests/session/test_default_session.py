"""Default sessions and graphs, a stack of each per thread; context managers; closed sessions."""
import threading

import pytest

import minitf as tf


@pytest.fixture
def sess(graph):
    with tf.Session() as sess:
        yield sess


def test_eval_and_run_use_the_default_session(graph):
    a = tf.constant(1.0)
    for go in (a.eval, a.op.run):
        with pytest.raises(ValueError, match="No default session is registered"):
            go()
    sess = tf.Session()
    assert a.eval(session=sess) == 1.0
    with sess.as_default():
        assert tf.get_default_session() is sess and a.eval() == 1.0
        with tf.Session() as inner:
            assert tf.get_default_session() is inner
        assert tf.get_default_session() is sess
    assert tf.get_default_session() is None and sess.run(a) == 1.0        # as_default() does not close
    with tf.Graph().as_default(), tf.Session():
        with pytest.raises(ValueError, match="graph is different"):
            a.eval()
    sess.close()


def test_default_stacks_belong_to_their_threads(sess):
    seen = {}

    def look():
        seen["session"], seen["graph"] = tf.get_default_session(), tf.get_default_graph()
        with tf.Graph().as_default() as g, tf.Session() as s:
            seen["own"] = tf.get_default_session() is s and tf.get_default_graph() is g
    thread = threading.Thread(target=look)
    thread.start()
    thread.join(60)
    assert seen["session"] is None and seen["graph"] is not tf.get_default_graph() and seen["own"]
    assert tf.get_default_session() is sess


def test_context_manager_rules():
    graph = tf.Graph()
    with graph.as_default():
        a = tf.constant(1.0)
    sess = tf.Session(graph=graph)
    with sess:
        assert tf.get_default_graph() is graph
        with pytest.raises(RuntimeError, match="Session context managers are not re-entrant"):
            with sess:
                pass
        with sess.as_default():
            assert a.eval() == 1.0
    with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
        sess.run(a)
    sess.close()                                                # once more does no harm


def test_leaving_by_an_exception_restores_the_stacks():
    before = tf.get_default_graph()
    with pytest.raises(KeyError):
        with tf.Graph().as_default(), tf.Session():
            raise KeyError
    assert tf.get_default_session() is None and tf.get_default_graph() is before


def test_an_interactive_session_is_the_default_until_it_is_closed(graph):
    sess = tf.InteractiveSession()
    assert tf.constant(2.0).eval() == 2.0
    sess.close()
    assert tf.get_default_session() is None


def test_empty_graphs_closed_sessions_and_bad_arguments(graph):
    with tf.Session() as sess:
        with pytest.raises(RuntimeError, match="The Session graph is empty"):
            sess.run([])
        a = tf.constant(1.0)                                    # a graph may grow after the session was made
        assert sess.run(a) == 1.0 and sess.run(a + 1.0) == 2.0
        for feeds in ([a], 3):
            with pytest.raises(TypeError):
                sess.run(a, feeds)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
            sess.run(a)
    with pytest.raises(TypeError, match="graph must be a tf.Graph"):
        tf.Session(graph=3)
    with pytest.raises(TypeError, match="config must be a tf.ConfigProto"):
        tf.Session(config={"device_count": 2})
    with pytest.raises(tf.errors.InvalidArgumentError, match="nowhere"):
        tf.Session("nowhere")
