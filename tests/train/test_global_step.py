import pytest

import minitf as tf


def test_create_and_find(session):
    assert tf.train.get_global_step() is None
    with tf.name_scope("anywhere"):
        step = tf.train.create_global_step()
    assert step.op.name == "global_step" and step.dtype.base_dtype == tf.int64 and step not in tf.trainable_variables()
    assert tf.get_collection(tf.GraphKeys.GLOBAL_STEP) == [step] and step in tf.global_variables()
    assert tf.train.get_global_step() is step is tf.train.get_or_create_global_step()
    with pytest.raises(ValueError, match='"global_step" already exists.'):
        tf.train.create_global_step()
    session.run(step.initializer)
    session.run(tf.assign_add(step, 41))
    assert tf.train.global_step(session, step) == 41 and type(tf.train.global_step(session, step)) is int
    assert tf.train.global_step(session, "global_step:0") == 41


def test_a_variable_of_that_name_is_found():
    step = tf.Variable(0, trainable=False, name="global_step")
    assert tf.train.get_global_step() is step is tf.train.get_or_create_global_step()


def test_of_another_graph():
    graph = tf.Graph()
    step = tf.train.get_or_create_global_step(graph)
    assert step.graph is graph and tf.train.get_global_step() is None and tf.train.get_global_step(graph) is step


def test_what_is_no_global_step():
    with pytest.raises(TypeError, match='Existing "global_step" must be a Variable or Tensor: 3'):
        tf.train.assert_global_step(3)
    with pytest.raises(TypeError, match='Existing "global_step" does not have integer type: float32'):
        tf.train.assert_global_step(tf.constant(1.0))
    with pytest.raises(TypeError, match=r'Existing "global_step" is not scalar: \(2,\)'):
        tf.train.assert_global_step(tf.constant([1, 2]))
    for _ in range(2):
        tf.add_to_collection(tf.GraphKeys.GLOBAL_STEP, tf.Variable(0))
    with pytest.raises(ValueError, match="Multiple tensors in the global_step collection"):
        tf.train.get_global_step()
