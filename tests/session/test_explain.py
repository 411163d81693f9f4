"""explain: what a run will execute, as text and as data."""
import numpy as np
import pytest

import minitf as tf
from minitf.kernels.cpu.elementwise import IN_PLACE
from minitf.session.explain import fused_steps


def session(devices=1):
    return tf.Session(config=tf.ConfigProto(device_count={"CPU": devices}))


def test_the_table_of_a_small_plan():
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    v = tf.Variable([1., 2., 3., 4.], name="v")
    y = tf.exp(x * v + 1., name="y")
    z = tf.transpose(y, name="z")
    with session() as sess:
        explanation = sess.explain(z, {x: np.zeros((3, 4))})
        lines = str(explanation).split("\n")
    assert lines[0].startswith("/job:localhost/replica:0/task:0/device:CPU:0: 4 instructions, 7 buffers, arena 128 bytes (at most 128 alive")
    text = "\n".join(" ".join(line.split()) for line in lines)
    assert "variable v %0 float32_ref[4]" in text
    assert "feed x %2 float32[3,4] 48 the caller's" in text
    assert "0 Read v/read %0 %1 float32[4] 16 snapshot" in text
    assert "1 Compute y (Fused) %2 %1 %3 %4 float32[3,4] 48 arena +0" in text
    assert f"t0 = Mul(%2, %1); {'t0 = Add(t0, %3); %4 = Exp(t0)' if IN_PLACE else 't1 = Add(t0, %3); %4 = Exp(t1)'}" in text
    assert "z (Transpose)" in text and "fetched: %" in text
    assert all(len(line) <= 120 for line in lines)
    assert repr(explanation) == str(explanation)


def test_the_data_behind_the_table():
    x = tf.placeholder(tf.float32, [2000], name="x")
    y = tf.concat([tf.exp(x), x], 0, name="y")
    with session() as sess:
        explanation = sess.explain([y, tf.negative(y)], {x: np.zeros(2000)})
    plan, = explanation.plans
    assert explanation.devices == ["/job:localhost/replica:0/task:0/device:CPU:0"] and explanation.keys == []
    assert explanation.instructions() == plan.instructions and explanation.buffers("/cpu:0") == plan.buffers
    assert [i.node.name for i in explanation.instructions()] == ["Exp", "y", "Neg"]
    own = [b for b in plan.buffers if b.kind == "own"]          # what is handed out large lies outside the arena
    assert [b.name for b in own] == ["y", "Neg"] and explanation.arena_bytes == plan.arena_bytes == 8000
    assert explanation.peak_bytes == 8000 + 2 * 16000 and explanation.live_maximum == plan.live_maximum
    with pytest.raises(ValueError, match="No plan for device '/cpu:1'; there are /job"):
        explanation.instructions("/cpu:1")


def test_in_place_results_and_views_are_told():
    x = tf.placeholder(tf.float32, [4, 6], name="x")
    a = tf.transpose(x, name="a")
    b = tf.tanh(tf.reshape(a, [3, 8], name="r"), name="b")
    with session() as sess:
        text = " ".join(str(sess.explain(b, {x: np.zeros((4, 6))})).split())
    assert "r (Reshape) %4 float32[3,8] 96 view of %2 1 Compute b (Tanh) %4 %5 float32[3,8] 96 " + ("in %2" if IN_PLACE else "arena +128") in text


def test_two_devices_and_a_cut():
    with tf.device("/cpu:0"):
        x = tf.placeholder(tf.float32, [None], name="x")
        y = tf.exp(x, name="y")
    with tf.device("/cpu:1"):
        mask = tf.boolean_mask(y, y > 1., name="mask")
        total = tf.tanh(mask * 2., name="total")
    with session(2) as sess:
        feed = {x: [-1., 1., 2.]}
        explanation = sess.explain(total, feed)
        assert explanation.devices == [f"/job:localhost/replica:0/task:0/device:CPU:{i}" for i in (0, 1)]
        assert len(explanation.keys) == 1 and "edge_y_0" in explanation.keys[0]
        before = str(explanation)
        assert "to CPU:1" in before and "from CPU:0" in before and "received" not in before.split("from CPU:0")[0]
        assert "compiled when the shape of mask/Where is known; none has been so far" in before
        assert "with what crosses, at most 64 bytes are alive at once" in before.split("from CPU:0")[0]
        assert len(explanation.parts()) == 2
        sess.run(total, feed)
        assert len(explanation.parts("/cpu:1")) == 2
        after = str(explanation)
        assert "with mask/Where [2,1]:" in after and "import   mask/Where" in after
        assert all(len(line) <= 120 for line in after.split("\n"))
        sess.run(total, {x: [-1., -1., 2.]})
        assert "with mask/Where [1,1]:" in str(explanation)


def test_fused_steps_name_the_buffers():
    x = tf.placeholder(tf.float32, [8])
    a = tf.exp(x)
    b = tf.multiply(a, x)
    with session() as sess:
        explanation = sess.explain([a, b], {x: np.zeros(8)})
    instruction, = explanation.instructions()
    names = {spec.name: f"%{spec.number}" for spec in explanation.buffers()}
    out_a, out_b = (f"%{n}" for n in instruction.outputs)
    assert fused_steps(instruction) == [f"{out_a} = Exp({names['Placeholder']})", f"{out_b} = Mul({out_a}, {names['Placeholder']})"]


def test_nothing_is_executed():
    v = tf.Variable(0, name="v")
    up = tf.assign_add(v, 1)
    with session() as sess:
        assert "AssignAdd" in str(sess.explain(up))
        sess.run(v.initializer)
        sess.explain(up)
        assert sess.run(v) == 0


def test_long_plans_are_cut_and_long_names_fit():
    with tf.name_scope("a_rather_long_name_of_a_scope"):
        x = tf.placeholder(tf.float32, [2, 2], name="x")
        for i in range(300):
            x = tf.transpose(x, name="with_a_rather_long_name_of_an_op_inside_of_it")
            x = tf.concat([x, x], 0)[:2]
    with session() as sess:
        explanation = sess.explain(x, {"a_rather_long_name_of_a_scope/x:0": np.zeros((2, 2))})
    count = len(explanation.instructions())
    lines = str(explanation).split("\n")
    assert any(f"{count - 200:,} more instructions; text(most=None) shows all" in line for line in lines)
    assert max(map(len, lines)) <= 120
    whole = explanation.text(most=None)
    assert "more instructions" not in whole and len(whole.split("\n")) > count
