"""Word vectors with sparse gradients, a moving average and an imported graph: names of the community's programs of early 2016."""
import numpy as np

import minitf.v0 as tf

graph = tf.Graph()
with graph.as_default(), tf.device("/cpu:0"):
    train_inputs, train_labels = tf.placeholder(tf.int32, shape=[32]), tf.placeholder(tf.int32, shape=[32])
    embeddings = tf.Variable(tf.random_uniform([20, 8], -1.0, 1.0, seed=1), name="embeddings")
    embed = tf.nn.embedding_lookup(embeddings, train_inputs)
    with tf.variable_scope("out"):
        weights = tf.get_variable("weights", [20, 8], tf.float32, tf.truncated_normal_initializer(stddev=0.3, seed=2))
    logits = tf.matmul(embed, weights, transpose_b=True)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits, train_labels))
    grads, variables = zip(*tf.train.AdagradOptimizer(0.5).compute_gradients(loss))
    clipped, norm = tf.clip_by_global_norm(grads, 5.0)
    apply = tf.train.AdagradOptimizer(0.5).apply_gradients(zip(clipped, variables))
    ema = tf.train.ExponentialMovingAverage(0.9)
    with tf.control_dependencies([apply]):
        train = ema.apply([loss])
    norm_ = tf.sqrt(tf.reduce_sum(tf.square(embeddings), 1, keep_dims=True))
    similarity = tf.batch_matmul(tf.expand_dims(embeddings / norm_, 0), tf.expand_dims(tf.transpose(embeddings / norm_), 0), name="similarity")
    init = tf.initialize_all_variables()

rng = np.random.RandomState(0)
with tf.Session(graph=graph) as session:
    init.run()
    for _ in range(300):
        words = rng.randint(0, 20, 32)
        session.run(train, feed_dict={train_inputs: words, train_labels: words // 2 * 2 + rng.randint(0, 2, 32)})
    close = similarity.eval()[0]
    average = session.run(ema.average(loss))
    definition, table = graph.as_graph_def(), embeddings.eval()
nearest = np.argsort(-close, 1)[:, 1]

with tf.Graph().as_default():
    replaced = tf.placeholder(tf.float32, [20, 8])
    again, = tf.import_graph_def(definition, input_map={"embeddings/read:0": replaced}, return_elements=["similarity:0"], name="")
    with tf.Session() as session:
        same = np.abs(session.run(again, {replaced: table})[0] - close).max()
print("pairs found:", (nearest // 2 == np.arange(20) // 2).mean(), "loss:", average, "difference:", same)
