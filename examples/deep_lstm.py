"""The talk's deep LSTM with a layer on each device, on Shakespeare's characters; and a drawing of where the time of a step went.

    python examples/deep_lstm.py --folder /tmp/deep

The network is two loops, over time and over depth, and the only word about devices is tf.device:

    for i in range(unroll):
        for d in range(layers):
            with tf.device("/cpu:%d" % d):
                m[d], (c[d], m[d]) = cells[d](m[d - 1] if d else x[i], (c[d], m[d]))

So layer d can read character i while layer d - 1 reads character i + 1: a wavefront, which runs back through the gradients too.  At the
end five more steps are traced, and the quickest is drawn: timeline.json is for chrome://tracing or ui.perfetto.dev, timeline.svg for any
browser, with a row for each device and an arrow for each tensor that crosses.  --devices 1 is the same program on one device, with the
same numbers.

What was learnt is in checkpoints, from which an interrupted run goes on; the loss is in summaries (tensorboard --logdir /tmp/deep).
"""
import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import minitf as tf
from minitf.datasets import shakespeare

OPTIONS = [("layers", 4, "of LSTM, one over the other"), ("devices", 0, "that they are dealt to; 0: one for each"),
           ("threads", 0, "that the devices share; 0: one for each"),
           ("steps", 300, "in all, those of earlier runs counted"), ("batch-size", 32, "streams"), ("unroll", 16, "characters of a step"),
           ("hidden", 256, "units of a layer"), ("learning-rate", 4e-3, "of Adam"), ("clip", 1.0, "greatest norm of the gradients"),
           ("seed", 1, "same seed, same numbers"), ("report", 100, "steps from one checkpoint to the next"),
           ("characters", 10 ** 6, "of the text to use, at most"), ("folder", Path("deep_lstm"), "for checkpoints, summaries and the timeline"),
           ("stop", 10 ** 9, "end after this step, as if interrupted")]


class DeepLSTM:
    """Reads [batch, unroll] characters; the state at the end of a step is kept in variables for the next."""

    def __init__(self, options, vocabulary):
        layers, batch, hidden = options.layers, options.batch_size, options.hidden
        device = lambda d: tf.device("/cpu:%d" % (d % (options.devices or layers)))
        self.ids, self.targets = (tf.placeholder(tf.int32, [batch, options.unroll]) for _ in range(2))
        cells, c, m, self.kept = [], [], [], []
        for d in range(layers):
            with device(d):
                cells.append(tf.nn.rnn_cell.BasicLSTMCell(hidden, name=f"layer_{d}"))
                state = [tf.Variable(tf.zeros([batch, hidden]), trainable=False) for _ in range(2)]
                c.append(state[0].value())
                m.append(state[1].value())
                self.kept.append(state)
        with device(0):
            x = tf.unstack(tf.nn.embedding_lookup(tf.get_variable("embedding", [vocabulary, hidden]), self.ids), axis=1)
        outputs = []
        for i in range(options.unroll):
            for d in range(layers):
                with device(d):
                    m[d], (c[d], m[d]) = cells[d](m[d - 1] if d else x[i], (c[d], m[d]))
            outputs.append(m[-1])
        with device(layers - 1):
            logits = tf.layers.dense(tf.reshape(tf.stack(outputs, 1), [-1, hidden]), vocabulary)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(self.targets, [-1]), logits=logits)
            self.bits = tf.reduce_mean(losses) / np.float32(np.log(2))
        self.forget = tf.group(*[v.initializer for state in self.kept for v in state])
        self.step, variables = tf.train.get_or_create_global_step(), tf.trainable_variables()
        gradients = tf.gradients(self.bits, variables, colocate_gradients_with_ops=True)
        clipped, _ = tf.clip_by_global_norm(gradients, options.clip)
        keep = [v.assign(new) for d, state in enumerate(self.kept) for v, new in zip(state, (c[d], m[d]))]
        self.train = tf.group(tf.train.AdamOptimizer(options.learning_rate).apply_gradients(zip(clipped, variables), self.step), *keep)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, text in OPTIONS:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{text} (default %(default)r)")
    return parser.parse_args(argv)


def main(argv=None):
    """Trains, draws the timeline, and returns the bits per character of the last steps."""
    options = parse(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    data = shakespeare.characters()
    text = data[0][:options.characters]
    length = (len(text) - 1) // options.batch_size
    rows = np.stack([text[i * length:(i + 1) * length + 1] for i in range(options.batch_size)]).astype(np.int32)      # streams
    tf.set_random_seed(options.seed)
    network, saver = DeepLSTM(options, len(data.vocabulary)), tf.train.Saver()
    config = tf.ConfigProto(device_count={"CPU": options.devices or options.layers}, inter_op_parallelism_threads=options.threads)
    with tf.Session(config=config) as sess, tf.summary.FileWriter(str(options.folder), sess.graph) as summaries:
        sess.run(tf.global_variables_initializer())
        last = tf.train.latest_checkpoint(str(options.folder))
        if last:
            saver.restore(sess, last)
            print(f"going on from {last}")

        def run(step, **traced):
            """One step of training; returns its bits per character."""
            at = step * options.unroll % ((length - options.unroll) // options.unroll * options.unroll)
            if at == 0:
                sess.run(network.forget)
            feed = {network.ids: rows[:, at:at + options.unroll], network.targets: rows[:, at + 1:at + options.unroll + 1]}
            return sess.run([network.bits, network.train], feed, **traced)[0]
        first, bits, end = sess.run(network.step), [], min(options.steps, options.stop)
        for step in (bar := tqdm(range(first, end), initial=first, total=options.steps, unit="step", mininterval=0.5)):
            bits.append(run(step))
            bar.set_postfix_str(f"{np.mean(bits[-50:]):.3f} bits a character", refresh=False)
            if (step + 1) % options.report == 0 or step + 1 == options.steps:
                told = tf.Summary.Value(tag="bits", simple_value=np.mean(bits[-options.report:]))
                summaries.add_summary(tf.Summary(value=[told]), step + 1)
                saver.save(sess, str(options.folder / "model.ckpt"), global_step=step + 1)
        timelines = []
        for step in range(end, end + 5):
            metadata = tf.RunMetadata()
            run(step, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
            timelines.append(tf.timeline.Timeline(metadata.step_stats, sess.graph))
    timeline = min(timelines, key=lambda t: t.nanoseconds)
    timeline.save(options.folder / "timeline.json")
    timeline.save(options.folder / "timeline.svg")
    print(timeline)
    result = float(np.mean(bits[-50:])) if bits else float("nan")
    print(f"{result:.4f} bits a character over the last steps; timeline.json and timeline.svg are in {options.folder}")
    return result


if __name__ == "__main__":
    main()
