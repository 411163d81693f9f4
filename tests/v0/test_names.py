"""Every name that programs of 2015 and 2016 use, in their spelling and in today's: both give the same, and what NumPy gives.

The names are those found under tf. in the tutorials and models that came with TensorFlow 0.6 to 0.8 and in community programs of those months.
Those of queues, readers and seq2seq are not here yet.
"""
import numpy as np
import pytest

import minitf as tf
import minitf.v0 as v0

X = np.array([[1.5, -2., 3.], [.5, 4., -1.25]], np.float32)
Y = np.array([[2., 3., .5], [-1., 2., 4.]], np.float32)
P = np.abs(X)
M = np.array([[2., 1.], [1., 3.]], np.float32)
IDS = np.array([2, 0], np.int32)
IMAGE = np.arange(48, dtype=np.float32).reshape(4, 4, 3)
SOFT = np.exp(X) / np.exp(X).sum(1, keepdims=True)


# name: (as of 2015, as of today, what NumPy says or None)
VALUES = {
    "matmul": (lambda t: t.matmul(X, Y, transpose_b=True), None, X @ Y.T),
    "batch_matmul": (lambda t: t.batch_matmul([M, M], [M, M]), lambda t: t.matmul([M, M], [M, M]), [M @ M] * 2),
    "reduce_sum": (lambda t: t.reduce_sum(X, reduction_indices=[1]), lambda t: t.reduce_sum(X, axis=1), X.sum(1)),
    "reduce_mean": (lambda t: t.reduce_mean(X, 0, True), lambda t: t.reduce_mean(X, 0, keepdims=True), X.mean(0, keepdims=True)),
    "reduce_max": (lambda t: t.reduce_max(X, [0]), lambda t: t.reduce_max(X, axis=[0]), X.max(0)),
    "reduce_min": (lambda t: t.reduce_min(X), None, X.min()),
    "reduce_prod": (lambda t: t.reduce_prod(X, 1), None, X.prod(1)),
    "reduce_any": (lambda t: t.reduce_any(X > 3, 1), None, (X > 3).any(1)),
    "reduce_all": (lambda t: t.reduce_all(X > -2, 1), None, (X > -2).all(1)),
    "argmax": (lambda t: t.argmax(X, 1), None, X.argmax(1)),
    "argmin": (lambda t: t.argmin(X, dimension=0), lambda t: t.argmin(X, axis=0), X.argmin(0)),
    "arg_min": (lambda t: t.arg_min(X, 1), lambda t: t.argmin(X, 1), X.argmin(1)),
    "reshape": (lambda t: t.reshape(X, [3, -1]), None, X.reshape(3, 2)),
    "zeros": (lambda t: t.zeros([2, 3], t.int32), None, np.zeros((2, 3), np.int32)),
    "ones": (lambda t: t.ones([2]), None, np.ones(2, np.float32)),
    "zeros_like": (lambda t: t.zeros_like(X), None, np.zeros_like(X)),
    "ones_like": (lambda t: t.ones_like(X), None, np.ones_like(X)),
    "constant": (lambda t: t.constant([1, 2], t.float32), None, np.float32([1, 2])),
    "cast": (lambda t: t.cast(X, "int32"), None, X.astype(np.int32)),
    "transpose": (lambda t: t.transpose(X, perm=[1, 0]), None, X.T),
    "concat": (lambda t: t.concat(1, [X, Y]), lambda t: t.concat([X, Y], 1), np.concatenate([X, Y], 1)),
    "split": (lambda t: t.split(1, 3, X)[1], lambda t: t.split(X, 3, axis=1)[1], X[:, 1:2]),
    "pack": (lambda t: t.pack([X, Y]), lambda t: t.stack([X, Y]), np.stack([X, Y])),
    "unpack": (lambda t: t.unpack(X)[1], lambda t: t.unstack(X)[1], X[1]),
    "expand_dims": (lambda t: t.expand_dims(X, dim=1), lambda t: t.expand_dims(X, axis=1), X[:, None]),
    "squeeze": (lambda t: t.squeeze(X[:, :1], squeeze_dims=[1]), lambda t: t.squeeze(X[:, :1], axis=[1]), X[:, 0]),
    "slice": (lambda t: t.slice(X, [0, 1], [-1, 2]), None, X[:, 1:]),
    "tile": (lambda t: t.tile(X, [2, 1]), None, np.tile(X, (2, 1))),
    "pad": (lambda t: t.pad(X, [[1, 0], [0, 2]]), None, np.pad(X, [[1, 0], [0, 2]])),
    "gather": (lambda t: t.gather(X.T, IDS), None, X.T[IDS]),
    "shape": (lambda t: t.shape(X), None, np.int32([2, 3])),
    "size": (lambda t: t.size(X), None, np.int32(6)),
    "range": (lambda t: t.range(2, 8, 3), None, np.int32([2, 5])),
    "linspace": (lambda t: t.linspace(0., 1., 3), None, np.float32([0, .5, 1])),
    "select": (lambda t: t.select(X > 0, X, Y), lambda t: t.where(X > 0, X, Y), np.where(X > 0, X, Y)),
    "equal": (lambda t: t.equal(X, 4.), None, X == 4),
    "not_equal": (lambda t: t.not_equal(X, 4.), None, X != 4),
    "less_equal": (lambda t: t.less_equal(X, Y), None, X <= Y),
    "mul": (lambda t: t.mul(X, Y), lambda t: t.multiply(X, Y), X * Y),
    "sub": (lambda t: t.sub(X, Y), lambda t: t.subtract(X, Y), X - Y),
    "neg": (lambda t: t.neg(X), lambda t: t.negative(X), -X),
    "inv": (lambda t: t.inv(X), lambda t: t.reciprocal(X), 1 / X),
    "add": (lambda t: t.add(X, Y), None, X + Y),
    "add_n": (lambda t: t.add_n([X, Y, X]), None, X + Y + X),
    "square": (lambda t: t.square(X), None, X * X),
    "sqrt": (lambda t: t.sqrt(P), None, np.sqrt(P)),
    "log": (lambda t: t.log(P), None, np.log(P)),
    "exp": (lambda t: t.exp(X), None, np.exp(X)),
    "pow": (lambda t: t.pow(P, Y), None, P ** Y),
    "abs": (lambda t: t.abs(X), None, P),
    "sign": (lambda t: t.sign(X), None, np.sign(X)),
    "round": (lambda t: t.round(X + .1), None, np.round(X + np.float32(.1))),
    "tanh": (lambda t: t.tanh(X), None, np.tanh(X)),
    "sin": (lambda t: t.sin(X), None, np.sin(X)),
    "cos": (lambda t: t.cos(X), None, np.cos(X)),
    "maximum": (lambda t: t.maximum(X, Y), None, np.maximum(X, Y)),
    "minimum": (lambda t: t.minimum(X, Y), None, np.minimum(X, Y)),
    "complex_abs": (lambda t: t.complex_abs(t.complex(X, Y)), lambda t: t.abs(t.complex(X, Y)), np.abs(X + 1j * Y)),
    "identity": (lambda t: t.identity(X), None, X),
    "stop_gradient": (lambda t: t.stop_gradient(X), None, X),
    "clip_by_value": (lambda t: t.clip_by_value(X, -1., 1.), None, X.clip(-1, 1)),
    "clip_by_norm": (lambda t: t.clip_by_norm(X, 1.), None, X / np.linalg.norm(X)),
    "global_norm": (lambda t: t.global_norm([X, Y]), None, np.sqrt((X * X).sum() + (Y * Y).sum())),
    "clip_by_global_norm": (lambda t: t.clip_by_global_norm([X, Y], 1.)[0][0], None, X / np.sqrt((X * X).sum() + (Y * Y).sum())),
    "sparse_to_dense": (lambda t: t.sparse_to_dense([[0, 1], [1, 0]], [2, 2], [5, 6]), None, np.int32([[0, 5], [6, 0]])),
    "decode_raw": (lambda t: t.decode_raw(t.constant([b"\1\2", b"\3\4"]), t.uint8), None, np.uint8([[1, 2], [3, 4]])),
    "decode_csv": (lambda t: t.decode_csv(t.constant("3,.5"), [[1], [1.]])[1], None, np.float32(.5)),
    "nn.relu": (lambda t: t.nn.relu(X), None, X.clip(0)),
    "nn.softmax": (lambda t: t.nn.softmax(X), None, SOFT),
    "nn.sigmoid": (lambda t: t.nn.sigmoid(X), None, 1 / (1 + np.exp(-X))),
    "nn.tanh": (lambda t: t.nn.tanh(X), None, np.tanh(X)),
    "nn.softplus": (lambda t: t.nn.softplus(X), None, np.log1p(np.exp(X))),
    "nn.softsign": (lambda t: t.nn.softsign(X), None, X / (1 + P)),
    "nn.bias_add": (lambda t: t.nn.bias_add(X, [1., 2., 3.]), None, X + [1, 2, 3]),
    "nn.l2_loss": (lambda t: t.nn.l2_loss(X), None, (X * X).sum() / 2),
    "nn.l2_normalize": (lambda t: t.nn.l2_normalize(X, 1), None, X / np.linalg.norm(X, axis=1, keepdims=True)),
    "nn.zero_fraction": (lambda t: t.nn.zero_fraction(X.clip(0)), None, np.float32(2 / 6)),
    "nn.in_top_k": (lambda t: t.nn.in_top_k(X, IDS, 1), None, np.array([True, False])),
    "nn.top_k": (lambda t: t.nn.top_k(X, 2)[0], None, np.sort(X, 1)[:, :0:-1]),
    "nn.moments": (lambda t: t.nn.moments(X, [0])[1], None, X.var(0)),
    "nn.embedding_lookup": (lambda t: t.nn.embedding_lookup(X.T, IDS), None, X.T[IDS]),
    "nn.softmax_cross_entropy_with_logits": (lambda t: t.nn.softmax_cross_entropy_with_logits(X, SOFT),
                                             lambda t: t.nn.softmax_cross_entropy_with_logits(labels=SOFT, logits=X), -(SOFT * np.log(SOFT)).sum(1)),
    "nn.sparse_softmax_cross_entropy_with_logits": (lambda t: t.nn.sparse_softmax_cross_entropy_with_logits(X, IDS),
                                                    lambda t: t.nn.sparse_softmax_cross_entropy_with_logits(labels=IDS, logits=X), -np.log(SOFT[[0, 1], IDS])),
    "nn.sigmoid_cross_entropy_with_logits": (lambda t: t.nn.sigmoid_cross_entropy_with_logits(X, SOFT),
                                             lambda t: t.nn.sigmoid_cross_entropy_with_logits(labels=SOFT, logits=X), np.log1p(np.exp(X)) - X * SOFT),
    "nn.batch_norm_with_global_normalization": (
        lambda t: t.nn.batch_norm_with_global_normalization(X, X.mean(0), X.var(0), [1., 1., 1.], [2., 2., 2.], .001, True),
        lambda t: t.nn.batch_normalization(X, X.mean(0), X.var(0), [1., 1., 1.], [2., 2., 2.], .001), (X - X.mean(0)) / np.sqrt(X.var(0) + .001) * 2 + 1),
    "nn.max_pool": (lambda t: t.nn.max_pool(IMAGE[None], [1, 2, 2, 1], [1, 2, 2, 1], "SAME"), None, IMAGE.reshape(1, 2, 2, 2, 2, 3).max((2, 4))),
    "nn.depthwise_conv2d": (lambda t: t.nn.depthwise_conv2d(IMAGE[None], np.full((1, 1, 3, 2), 2., np.float32), [1, 1, 1, 1], "VALID"), None,
                            np.repeat(2 * IMAGE[None], 2, 3)),
    "nn.separable_conv2d": (lambda t: t.nn.separable_conv2d(IMAGE[None], np.ones((1, 1, 3, 1), np.float32), np.ones((1, 1, 3, 1), np.float32),
                                                            [1, 2, 2, 1], "SAME"), None, IMAGE[None, ::2, ::2].sum(-1, keepdims=True)),
    "nn.lrn": (lambda t: t.nn.lrn(IMAGE[None], 5, bias=1., alpha=.01, beta=.75), None,
               IMAGE[None] / (1 + .01 * (IMAGE[None] ** 2).sum(-1, keepdims=True)) ** .75),
    "nn.local_response_normalization": (lambda t: t.nn.local_response_normalization(IMAGE[None]), None,
                                        IMAGE[None] / (1 + (IMAGE[None] ** 2).sum(-1, keepdims=True)) ** .5),
    "nn.avg_pool": (lambda t: t.nn.avg_pool(IMAGE[None], [1, 2, 2, 1], [1, 2, 2, 1], "SAME"), None, IMAGE.reshape(1, 2, 2, 2, 2, 3).mean((2, 4))),
    "nn.conv2d": (lambda t: t.nn.conv2d(IMAGE[None], np.ones((1, 1, 3, 1), np.float32), [1, 1, 1, 1], "VALID"), None, IMAGE.sum(2)[None, :, :, None]),
    "nn.conv2d_transpose": (lambda t: t.nn.conv2d_transpose(IMAGE[None, :, :, :1], np.ones((2, 2, 1, 1), np.float32), [1, 8, 8, 1], [1, 2, 2, 1]), None,
                            IMAGE[None, :, :, :1].repeat(2, 1).repeat(2, 2)),
    "image.per_image_whitening": (lambda t: t.image.per_image_whitening(IMAGE), lambda t: t.image.per_image_standardization(IMAGE), (IMAGE - IMAGE.mean()) / IMAGE.std()),
    "image.resize_nearest_neighbor": (lambda t: t.image.resize_nearest_neighbor(IMAGE[None], [2, 2]), None, IMAGE[None, ::2, ::2]),
    "image.resize_bilinear": (lambda t: t.image.resize_bilinear(IMAGE[None], [2, 2]), None, IMAGE[None, ::2, ::2]),
    "image.resize_images": (lambda t: t.image.resize_images(IMAGE[None], 2, 2), lambda t: t.image.resize_images(IMAGE[None], [2, 2]), IMAGE[None, ::2, ::2]),
    "image.resize_image_with_crop_or_pad": (lambda t: t.image.resize_image_with_crop_or_pad(IMAGE, 2, 6), None, np.pad(IMAGE[1:3], [[0, 0], [1, 1], [0, 0]])),
}


def test_pictures_are_decoded_under_both_names():
    assert v0.decode_png is tf.image.decode_png and v0.decode_jpeg is tf.image.decode_jpeg


def look_up(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    old, new, wanted = VALUES[name]
    assert callable(look_up(v0, name))
    with tf.Graph().as_default(), tf.Session() as sess:
        a, b = sess.run([old(v0), (new or old)(tf)])
    assert a.dtype == b.dtype and np.array_equal(a, b)
    np.testing.assert_allclose(a, wanted, rtol=1e-5, atol=1e-6)
    assert a.shape == np.shape(wanted)


RANDOM = {
    "random_uniform": lambda t: t.random_uniform([1000], -1., 1., seed=1),
    "random_normal": lambda t: t.random_normal([1000], seed=1),
    "truncated_normal": lambda t: t.truncated_normal([1000], seed=1),
    "random_crop": lambda t: t.random_crop(IMAGE, [2, 2, 3], seed=1),
    "nn.dropout": lambda t: t.nn.dropout(np.ones(1000, np.float32), .5, seed=1),
    "image.random_flip_left_right": lambda t: t.image.random_flip_left_right(IMAGE, seed=1),
    "image.random_brightness": lambda t: t.image.random_brightness(IMAGE, 1., seed=1),
    "image.random_contrast": lambda t: t.image.random_contrast(IMAGE, .5, 1.5, seed=1),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_ops(name):
    def drawn(t):
        with tf.Graph().as_default(), tf.Session() as sess:
            return sess.run(RANDOM[name](t))
    assert np.array_equal(drawn(v0), drawn(tf)) and drawn(tf).size > 0


# Classes, constants and functions of which it is enough that both spellings have one and the same thing.
SAME = """Session InteractiveSession ConfigProto Graph GraphDef import_graph_def Operation Tensor Dimension TensorShape DType GraphKeys placeholder device gradients
assign group no_op control_dependencies name_scope get_default_graph get_default_session get_variable_scope trainable_variables get_collection add_to_collection
float32 int32 bool uint8 int16 int64 string constant_initializer random_uniform_initializer random_normal_initializer truncated_normal_initializer Summary
app.run flags app.flags compat.as_text compat.as_bytes compat.as_str errors.OutOfRangeError errors.InvalidArgumentError gfile.Exists gfile.MakeDirs
gfile.DeleteRecursively gfile.GFile gfile.FastGFile logging.fatal python_io.TFRecordWriter test.TestCase test.main test.compute_gradient_error test.get_temp_dir
train.AdamOptimizer train.GradientDescentOptimizer train.Saver train.RMSPropOptimizer train.get_checkpoint_state train.ExponentialMovingAverage
train.exponential_decay train.AdagradOptimizer train.MomentumOptimizer image.decode_jpeg image.decode_png""".split()


@pytest.mark.parametrize("name", SAME)
def test_what_did_not_change(name):
    assert look_up(v0, name) is look_up(tf, name)


class TestVariables:
    def test_their_functions(self):
        with tf.Graph().as_default(), v0.Session() as sess:
            w = v0.Variable(v0.zeros([2]), True, None, True, "weights")
            with v0.variable_scope("layer", None, v0.constant_initializer(3.)) as scope:
                b = v0.get_variable("b", [2], v0.float32, None, True)
                scope.reuse_variables()
                assert v0.get_variable("b") is b
            with v0.variable_scope("layer", True):
                assert v0.get_variable("b", [2]) is b
            z = v0.get_variable("z", [2], initializer=v0.ones_initializer)
            assert [v.op.name for v in v0.all_variables()] == ["weights", "layer/b", "z"] == [v.op.name for v in tf.global_variables()]
            sess.run(v0.initialize_variables([w]))
            with pytest.raises(v0.errors.FailedPreconditionError):
                sess.run(b)
            sess.run(v0.initialize_all_variables())
            assert sess.run([w, b, z])[1].tolist() == [3, 3] and sess.run(z).tolist() == [1, 1]
            sess.run(v0.assign(w, [4., 5.]))
            assert w.eval().tolist() == [4, 5]
            assert v0.trainable_variables() == [w, b, z]
            with v0.op_scope([w], None, "scope") as name, v0.variable_op_scope([w], None, "outer"):
                assert name == "scope/" and v0.get_variable("q", [1], initializer=v0.zeros_initializer).op.name == "outer/q"
            v0.initialize_local_variables()

    def test_today_s_spelling(self):
        with tf.Graph().as_default(), tf.Session() as sess:
            w = tf.Variable(tf.zeros([2]), name="weights")
            sess.run(tf.variables_initializer([w]))
            sess.run(tf.global_variables_initializer())
            assert sess.run(w).tolist() == [0, 0]


class TestSummaries:
    def test_both_spellings(self, tmp_path):
        with tf.Graph().as_default(), v0.Session() as sess:
            v0.scalar_summary("loss", 1.5)
            v0.histogram_summary("h", [1., 2.])
            v0.image_summary("i", np.zeros((1, 2, 2, 1), np.float32))
            one = v0.merge_summary([v0.scalar_summary("other", 2., collections=[])])
            writer = v0.train.SummaryWriter(str(tmp_path / "a"), sess.graph_def)
            writer.add_summary(sess.run(v0.merge_all_summaries()), 3)
            writer.add_summary(sess.run(one), 4)
            writer.close()
            tf.summary.scalar("new", 1.5)
            with tf.summary.FileWriter(str(tmp_path / "b"), sess.graph) as writer:
                writer.add_summary(sess.run(tf.summary.merge_all()), 3)
        old, new = (list(tf.train.summary_iterator(next((tmp_path / k).iterdir()))) for k in "ab")
        assert [e.WhichOneof("what") for e in old] == ["file_version", "graph_def", "summary", "summary"]
        assert [v.tag for v in old[2].summary.value] == ["loss", "h", "i/image/0"] and [v.tag for v in old[3].summary.value] == ["other"]
        assert [v.tag for v in new[2].summary.value] == ["loss", "h", "i/image/0", "new"]


def test_register_shape():
    from minitf.core import registry
    registry.register_op("V0Twice", ["x: T"], ["y: T"], ["T: type"])(lambda c: [None])
    try:
        @v0.RegisterShape("V0Twice")
        def _shape(op):
            assert op.type == "V0Twice" and op.get_attr("T") == tf.float32
            return [op.inputs[0].get_shape().concatenate([2])]
        from minitf.ops.apply import apply_op
        with tf.Graph().as_default():
            assert apply_op("V0Twice", tf.zeros([3])).shape.as_list() == [3, 2]
    finally:
        del registry._ops["V0Twice"]


CELLS = {
    "BasicRNNCell": lambda c, n: c.BasicRNNCell(n), "GRUCell": lambda c, n: c.GRUCell(n),
    "BasicLSTMCell": lambda c, n: c.BasicLSTMCell(n, forget_bias=0.5, state_is_tuple=False), "LSTMCell": lambda c, n: c.LSTMCell(n, state_is_tuple=False),
    "peepholes": lambda c, n: c.LSTMCell(n, use_peepholes=True, cell_clip=.3, num_proj=2, forget_bias=1.0, state_is_tuple=False),
    "MultiRNNCell": lambda c, n: c.MultiRNNCell([c.GRUCell(n), c.BasicRNNCell(n)], state_is_tuple=False),
    "DropoutWrapper": lambda c, n: c.DropoutWrapper(c.GRUCell(n), input_keep_prob=0.5, output_keep_prob=0.5, seed=1),
    "InputProjectionWrapper": lambda c, n: c.InputProjectionWrapper(c.GRUCell(n), 3), "OutputProjectionWrapper": lambda c, n: c.OutputProjectionWrapper(c.GRUCell(n), 3)}


@pytest.mark.parametrize("name", CELLS)
def test_cells(name):
    """The same weights give the same outputs; variables are made, or shared, as the scopes say."""
    def run(t, rnn):
        with tf.Graph().as_default(), tf.Session() as sess:
            steps = [tf.constant(X), tf.constant(Y)]
            outputs, state = rnn(CELLS[name](t.nn.rnn_cell, 4), steps, dtype=tf.float32)
            variables = tf.trainable_variables()
            r = np.random.RandomState(0)
            sess.run([tf.assign(v, r.standard_normal(v.get_shape().as_list())) for v in variables])
            assert len(variables) == len(set(v.op.name for v in variables))
            return sess.run([*outputs, tf.concat(state, 1) if isinstance(state, tuple) else state])
    for old, new in zip(run(v0, v0.nn.rnn), run(tf, tf.nn.static_rnn)):
        np.testing.assert_array_equal(old, new)


class TestRecurrentNetworks:
    def test_one_cell_makes_layers_with_weights_of_their_own(self):
        with tf.Graph().as_default():
            cell = v0.nn.rnn_cell.MultiRNNCell([v0.nn.rnn_cell.GRUCell(3)] * 2)
            outputs, states = v0.models.rnn.rnn.rnn(cell, [tf.constant(X)] * 2, dtype=tf.float32, sequence_length=[1, 2])
            assert len(states) == 2 and states[1].get_shape().as_list() == [2, 6]
            assert {v.op.name for v in tf.global_variables()} == {f"RNN/MultiRNNCell/Cell{i}/GRUCell/{part}/Linear/{w}" for i in (0, 1)
                                                                  for part in ("Gates", "Candidate") for w in ("Matrix", "Bias")}
            with pytest.raises(ValueError, match="already exists, disallowed"):
                v0.nn.rnn(cell, [tf.constant(X)] * 2, dtype=tf.float32)
            with tf.variable_scope("other"):
                v0.nn.rnn(cell, [tf.constant(X)] * 2, dtype=tf.float32)
            assert len(tf.global_variables()) == 16

    def test_both_directions(self):
        with tf.Graph().as_default(), tf.Session() as sess:
            make = v0.nn.rnn_cell.BasicLSTMCell
            outputs, fw, bw = v0.nn.bidirectional_rnn(make(3), make(3), [tf.constant(X)] * 2, dtype=tf.float32)
            sess.run(tf.initialize_all_variables())
            assert sess.run(outputs[0]).shape == (2, 6) and fw.get_shape().as_list() == bw.get_shape().as_list() == [2, 6]

    def test_linear_and_an_embedding(self):
        with tf.Graph().as_default(), tf.Session() as sess:
            with tf.variable_scope("m", initializer=tf.ones_initializer()):
                y = v0.nn.rnn_cell.linear([tf.constant(X), tf.constant(Y)], 4, True, 0.5)
                bare = v0.nn.rnn_cell.linear(tf.constant(X), 4, False, scope="Bare")
            cell = v0.nn.rnn_cell.EmbeddingWrapper(v0.nn.rnn_cell.GRUCell(5), 10)
            out, _ = cell(tf.constant(IDS), tf.zeros([2, 5]))
            sess.run(tf.initialize_all_variables())
            np.testing.assert_allclose(sess.run(y), np.repeat((X.sum(1) + Y.sum(1) + .5)[:, None], 4, 1), rtol=1e-6)
            np.testing.assert_allclose(sess.run(bare)[:, 0], X.sum(1), rtol=1e-6)
            assert [v.op.name for v in tf.global_variables()][:4] == ["m/Linear/Matrix", "m/Linear/Bias", "m/Bare/Matrix", "EmbeddingWrapper/embedding"]
            assert sess.run(out).shape == (2, 5)
            with pytest.raises(ValueError, match="a given embedding is not supported"):
                v0.nn.rnn_cell.EmbeddingWrapper(cell, 3, embedding=X)


def test_names_that_never_were():
    with pytest.raises(AttributeError, match="minitf.v0.*reduce_sum"):
        v0.reduce_summ
    with pytest.raises(AttributeError, match="softmax"):
        v0.nn.softmaxx
