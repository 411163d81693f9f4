"""The workloads of language, in TensorFlow 1.x style like workloads.py, and their data.

    ptb_small   the "small" word model of TensorFlow's PTB tutorial: vocabulary 10,000, 2 LSTM layers of 200, 20 steps, batch 20
    charrnn     the same program on characters: vocabulary 65, 2 layers of 128, 50 steps, batch 50, forget bias 1
                Fed: a batch of ids and the state; fetched: the loss (summed over the steps, averaged over the batch) and the state, which the next
                step is fed.  Gradients clipped to a global norm of 5, plain SGD.
    word2vec    one step of skip-gram on tables of 50,000 rows of 128: 128 centres and contexts, 64 negatives shared by all, SGD on the rows
                that were touched.  word2vec_500k: the same on 500,000 rows.
"""
import numpy as np

ORDER = ["ptb_small", "charrnn", "word2vec", "word2vec_500k"]
# vocabulary, units, layers, steps, batch, learning rate, forget bias, initial weights from -scale to scale
MODELS = {"ptb_small": (10_000, 200, 2, 20, 20, 1.0, 0.0, 0.1), "charrnn": (65, 128, 2, 50, 50, 0.1, 1.0, 0.08)}
CLIP = 5.0
BATCHES = 4
TABLES = {"word2vec": 50_000, "word2vec_500k": 500_000}
WIDTH, PAIRS, NEGATIVES, WORD_RATE, WORD_BATCHES = 128, 128, 64, 0.1, 64


def model_data(name):
    """embedding, kernels (one [2 * units, 4 * units] a layer, for [input, state]; gates i, j, f, o), biases, softmax weights and biases, batches."""
    vocabulary, units, layers, steps, batch, _, _, scale = MODELS[name]
    random = np.random.default_rng(3)

    def uniform(*shape):
        return random.uniform(-scale, scale, shape).astype(np.float32)
    ids = random.integers(0, vocabulary, (BATCHES, batch, steps + 1)).astype(np.int32)
    return dict(embedding=uniform(vocabulary, units), kernels=[uniform(2 * units, 4 * units) for _ in range(layers)],
                biases=[np.zeros(4 * units, np.float32) for _ in range(layers)], W=uniform(units, vocabulary), b=np.zeros(vocabulary, np.float32),
                batches=[(np.ascontiguousarray(part[:, :-1]), np.ascontiguousarray(part[:, 1:])) for part in ids])


def word_data(name):
    """Two tables of words, the second with biases, and batches of (centres, contexts, negatives); frequent ids come often, as words do."""
    rows = TABLES[name]
    random = np.random.default_rng(4)

    def ids(n):
        return np.minimum(random.zipf(1.3, n) - 1, rows - 1).astype(np.int32)
    return dict(embedding=random.uniform(-0.5, 0.5, (rows, WIDTH)).astype(np.float32), b=np.zeros(rows, np.float32),
                W=random.standard_normal((rows, WIDTH), np.float32) * np.float32(WIDTH ** -0.5),
                batches=[(ids(PAIRS), ids(PAIRS), ids(NEGATIVES)) for _ in range(WORD_BATCHES)])


def lstm_step(tf, inputs, state, kernel, bias, forget_bias):
    c, h = state
    gates = tf.nn.bias_add(tf.matmul(tf.concat([inputs, h], 1), kernel), bias)
    i, j, f, o = tf.split(gates, 4, 1)
    c = c * tf.sigmoid(f + forget_bias) + tf.sigmoid(i) * tf.tanh(j)
    return c, tf.tanh(c) * tf.sigmoid(o)


def model(b, name):
    tf, d = b.tf, model_data(name)
    vocabulary, units, layers, steps, batch, rate, forget_bias, _ = MODELS[name]
    x, y = tf.placeholder(tf.int32, [batch, steps]), tf.placeholder(tf.int32, [batch, steps])
    fed = [(tf.placeholder(tf.float32, [batch, units]), tf.placeholder(tf.float32, [batch, units])) for _ in range(layers)]
    embedding, W, bias = b.variable(d["embedding"]), b.variable(d["W"]), b.variable(d["b"])
    cells = [(b.variable(kernel), b.variable(biases)) for kernel, biases in zip(d["kernels"], d["biases"])]
    state, outputs = list(fed), []
    for part in tf.split(tf.nn.embedding_lookup(embedding, x), steps, 1):
        h = tf.reshape(part, [batch, units])
        for layer, (kernel, biases) in enumerate(cells):
            state[layer] = lstm_step(tf, h, state[layer], kernel, biases, forget_bias)
            h = state[layer][1]
        outputs.append(h)
    logits = tf.matmul(tf.reshape(tf.concat(outputs, 1), [-1, units]), W) + bias
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(y, [-1]), logits=logits)
    cost = tf.reduce_sum(losses) / float(batch)
    variables = tf.trainable_variables()
    gradients, _ = tf.clip_by_global_norm(tf.gradients(cost, variables), CLIP)
    train = tf.train.GradientDescentOptimizer(rate).apply_gradients(zip(gradients, variables))
    session, runs = b.session(), [0]
    places, ends = [t for pair in fed for t in pair], [t for pair in state for t in pair]
    now, batches = [np.zeros((batch, units), np.float32) for _ in places], d["batches"]

    def step():
        feed = dict(zip(places, now))
        feed[x], feed[y] = batches[runs[0] % BATCHES]
        runs[0] += 1
        _, loss, *now[:] = session.run([train, cost] + ends, feed)
        return float(loss)
    return step


def words(b, name):
    tf, d = b.tf, word_data(name)
    embedding, W, bias = (b.variable(d[key]) for key in ("embedding", "W", "b"))
    centres, contexts, negatives = (tf.placeholder(tf.int32, [n]) for n in (PAIRS, PAIRS, NEGATIVES))
    e = tf.nn.embedding_lookup(embedding, centres)
    true = tf.reduce_sum(e * tf.nn.embedding_lookup(W, contexts), 1) + tf.nn.embedding_lookup(bias, contexts)
    false = tf.matmul(e, tf.nn.embedding_lookup(W, negatives), transpose_b=True) + tf.nn.embedding_lookup(bias, negatives)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    loss = (tf.reduce_sum(entropy(labels=tf.ones_like(true), logits=true)) +
            tf.reduce_sum(entropy(labels=tf.zeros_like(false), logits=false))) / float(PAIRS)
    train = tf.train.GradientDescentOptimizer(WORD_RATE).minimize(loss)
    session, runs, batches = b.session(), [0], d["batches"]

    def step():
        batch = batches[runs[0] % WORD_BATCHES]
        runs[0] += 1
        return float(session.run([train, loss], dict(zip((centres, contexts, negatives), batch)))[1])
    return step


def builders():
    """{name: (function of a Builder, its further arguments)}"""
    return {**{name: (model, name) for name in MODELS}, **{name: (words, name) for name in TABLES}}
