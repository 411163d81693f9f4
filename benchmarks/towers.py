"""Two towers on one device and on two: `python -m benchmarks.towers`.

One step of SGD on a batch of 64 coloured images by the network of the workload cifar_b32: two copies of it read half the batch each, their
gradients are averaged, and the variables, on cpu:0, are updated.  It is one graph, run by two sessions: in one all of it is on cpu:0, in
the other the second tower is on cpu:1.  Kernels use one thread, so two devices are two threads.

What is printed are medians of wall time over blocks taken by turns; of the blocks in which other processes had less than 0.15 of a core,
where there are any.  `cores` is the processor time of this process divided by wall time.

A machine on which others compute has no second core to give.  `on paper` is what does not depend on it: how long the plans take if each
instruction needs the least time that it was ever seen to need, and each device has a core of its own.
"""
import argparse
import os
import statistics
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np  # noqa: E402: after the number of threads is set

import minitf as tf  # noqa: E402

from . import convnets  # noqa: E402
from .run import QUIET, duration  # noqa: E402
from .timing import busy_seconds  # noqa: E402

COUNT = 2


def build(count=COUNT):
    """(loss, train, feed): towers 0 and 1 on cpu:0 and cpu:1, where these exist."""
    images, labels, parameters = convnets.net_data("cifar_b32")
    x, y = tf.placeholder(tf.float32, (None, *images.shape[1:])), tf.placeholder(tf.float32, (None, labels.shape[1]))
    with tf.device("/cpu:0"):
        variables = [tf.Variable(array) for pair in parameters for array in pair]
    losses, gradients = [], []
    for k in range(count):
        with tf.device(f"/cpu:{k}"), tf.name_scope(f"tower_{k}"):
            half = slice(k * len(images), (k + 1) * len(images))
            losses.append(tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y[half], logits=logits(x[half], variables))))
            gradients.append(tf.gradients(losses[k], variables))
    with tf.device("/cpu:0"):
        averaged = [tf.add_n(parts) / count for parts in zip(*gradients)]
        train = tf.train.GradientDescentOptimizer(convnets.LEARNING_RATE).apply_gradients(zip(averaged, variables))
        loss = tf.add_n(losses) / count
    return loss, train, {x: np.concatenate([images] * count), y: np.concatenate([labels] * count)}


def logits(x, variables):
    layers = convnets.NETS["cifar_b32"][1]
    left = iter(zip(variables[::2], variables[1::2]))
    for number, (kind, shape, *how) in enumerate(layers):
        if kind == "pool":
            x = tf.nn.max_pool(x, [1, 2, 2, 1], [1, how[0], how[0], 1], how[1])
            continue
        w, b = next(left)
        x = tf.nn.conv2d(x, w, [1, how[0], how[0], 1], how[1]) + b if kind == "conv" else tf.matmul(tf.reshape(x, [-1, shape[0]]), w) + b
        x = tf.nn.relu(x) if number + 1 < len(layers) else x
    return x


def block(step, seconds):
    """(wall, processor, others' cores) per step."""
    busy, cpu, wall, steps = busy_seconds(), time.process_time(), time.perf_counter(), 0
    while time.perf_counter() - wall < seconds:
        step()
        steps += 1
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall / steps, cpu / steps, 0.0 if busy is None else (busy_seconds() - busy - cpu) / wall


def on_paper(session, fetches, feed, steps):
    """Seconds until the last device has done its plan, by the least time of each instruction in so many traced steps."""
    least, plans = {}, session.explain(fetches, feed).plans
    for _ in range(steps):
        metadata = tf.RunMetadata()
        session.run(fetches, feed, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
        for device in metadata.step_stats.dev_stats:
            for node in device.node_stats:
                key = device.device, node.node_name
                least[key] = min(least.get(key, node.op_end_rel_nanos), node.op_end_rel_nanos)
    clock, at, sent = dict.fromkeys(plans, 0), dict.fromkeys(plans, 0), {}
    while any(at[plan] < len(plan.instructions) for plan in plans):
        for plan in plans:
            for instruction in plan.instructions[at[plan]:]:
                key = instruction.node.attrs.get("key") if instruction.kind in ("Send", "Recv") else None
                if instruction.kind == "Recv" and key not in sent:
                    break
                if instruction.kind == "Recv":
                    clock[plan] = max(clock[plan], sent[key])
                elif instruction.kind not in ("Take", "Release", "View"):
                    clock[plan] += least.get((plan.device, instruction.node.name), 0)
                if instruction.kind == "Send":
                    sent[key] = clock[plan]
                at[plan] += 1
    return max(clock.values()) / 1e9


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="blocks of each (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a block (default %(default)s)")
    options = parser.parse_args(argv)
    loss, train, feed = build()
    config = lambda n: tf.ConfigProto(device_count={"CPU": n}, intra_op_parallelism_threads=1, allow_soft_placement=True)
    sessions = {n: tf.Session(config=config(n)) for n in (1, COUNT)}
    steps, found = {}, {n: [] for n in sessions}
    for n, session in sessions.items():
        session.run(tf.global_variables_initializer())
        steps[n] = session.make_callable([loss, train], list(feed))
        first = [float(steps[n](*feed.values())[0]) for _ in range(3)]
        print(f"{n} device{'s' * (n > 1)}: the loss of the first steps is " + ", ".join(f"{value:.7f}" for value in first))
    for _ in range(options.rounds):
        for n in sessions:
            found[n].append(block(lambda: steps[n](*feed.values()), options.seconds))
    middle, paper = {}, {n: on_paper(session, [loss, train], feed, 3 * options.rounds) for n, session in sessions.items()}
    for n, blocks in found.items():
        quiet = [b for b in blocks if b[2] < QUIET]
        wall, cpu, _ = (statistics.median(values) for values in zip(*(quiet or blocks)))
        middle[n] = wall
        print(f"{n} device{'s' * (n > 1)}: {duration(wall)} a step, {duration(cpu)} of processor time, {cpu / wall:.2f} cores; "
              f"on paper {duration(paper[n])}" + ("" if quiet else "   (~: other processes ran meanwhile)"))
    print(f"two devices are {middle[1] / middle[COUNT]:.2f} times faster; on paper {paper[1] / paper[COUNT]:.2f} times")


if __name__ == "__main__":
    main()
