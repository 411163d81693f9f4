from minitf.course.task import Task, equal, expect

task = Task(
    "How many windows",
    function="window_count",
    replaces="minitf.ops.conv_ops.window_count",
    hints=["Draw 7 pixels and a window of 3 taps. From the first place, by how many pixels can it be moved to the right? With stride 2, "
           "how "
           "many of these moves count?",
           "A window of `taps` taps at distance `dilation` reaches from its first tap to its last over (taps - 1) * dilation + 1 pixels. "
           "With "
           "SAME the window may as well have a single tap.",
           "What is not known first: None for size, or for taps with VALID. Then the moves: size less the reach; negative with VALID is "
           "the "
           "error; else moves // stride, and one for the first place. Python's // rounds down, for negative numbers too: with SAME and "
           "size 0 "
           "that is just right."],
    why="""A framework that knows shapes before the run finds a filter that is too large where it is written, and can plan memory for a net
        that has not run yet. The two paddings are TensorFlow's own: most others let you give a number of zeros, and then the same formula
        holds with size + zeros. With an even number of zeros to share and one over, TensorFlow puts the odd one behind, Caffe and PyTorch
        always put the same on both sides; networks that are carried over from one to the other shift by a pixel there.""")


def counted(mine, padding, cases):
    """window_count for each (size, taps, stride, dilation)."""
    import types
    c = types.SimpleNamespace(attrs={"padding": padding}, op_type="Conv2D", inputs=[tf.TensorShape([None] * 4)] * 2)
    return [mine.window_count(c, *case) for case in cases]


def shape_of(mine, image, filter, strides, padding, dilations):
    """The static shape of a convolution in the package, None where it is not known."""
    with tf.Graph().as_default():
        x, w = tf.placeholder(tf.float32, image), tf.placeholder(tf.float32, filter)
        return tf.nn.conv2d(x, w, strides, padding, dilations=dilations).shape.as_list()


def pooled_shape(mine, image, ksize, strides, padding):
    with tf.Graph().as_default():
        return tf.nn.max_pool(tf.placeholder(tf.float32, image), ksize, strides, padding).shape.as_list()


def places(size, taps, stride, dilation, padding):
    """By trying every place from the first on."""
    if padding == "SAME":
        return len(range(0, size, stride))
    return sum(first + (taps - 1) * dilation < size for first in range(0, size, stride))


@task.check(0.5, "a window of neighbouring taps, for both paddings and any stride",
            hint="Take the example, 28 pixels, 3 taps, stride 2: where do the first and the last window begin, with VALID and with SAME?")
def plain(run, random):
    for padding in "SAME", "VALID":
        cases = [[int(random.integers(taps, taps + 20)), taps, int(random.integers(1, 6)), 1]
                 for taps in random.integers(1, 8, 40).tolist()]
        cases += [[7, 7, 1, 1], [7, 7, 3, 1], [1, 1, 1, 1], [12, 3, 5, 1], [28, 3, 2, 1]]
        for case, got in zip(cases, run(counted, padding, cases)):
            equal(got, places(*case, padding), f"{padding}: {case[0]} pixels, {case[1]} taps, stride {case[2]}")


@task.check(0.5, "taps with gaps between them",
            hint="Three taps with dilation 4 lie at 0, 4 and 8: how many pixels from the first to the last?")
def dilated(run, random):
    for padding in "SAME", "VALID":
        cases = []
        for _ in range(40):
            taps, dilation = random.integers(1, 5, 2).tolist()
            cases.append([(taps - 1) * dilation + 1 + int(random.integers(12)), taps, int(random.integers(1, 4)), dilation])
        for case, got in zip(cases, run(counted, padding, cases)):
            equal(got, places(*case, padding), f"{padding}: {case[0]} pixels, {case[1]} taps, stride {case[2]}, dilation {case[3]}")


@task.check(0.25, "sizes that are not known, or 0",
            hint="For each padding: which of the four numbers does the answer need? A batch of images without rows is no error with SAME.")
def unknown(run, random):
    stride, size, taps = (int(n) for n in random.integers(2, 9, 3))
    cases = [[None, taps, stride, 1], [size, None, stride, 2], [None, None, stride, 1], [0, taps, stride, 1]]
    equal(run(counted, "SAME", cases), [None, len(range(0, size, stride)), None, 0],
          f"SAME: size unknown; taps unknown and size {size}, stride {stride}; both unknown; size 0")
    equal(run(counted, "VALID", cases[:3]), [None] * 3, "VALID: size unknown; taps unknown; both unknown")
    got = run(shape_of, [None, None, 9, 2], [3, None, 2, 4], [1, 1, 2, 1], "SAME", [1, 1, 1, 1])
    equal(got, [None, None, 5, 4], "the shape of a convolution [?, ?, 9, 2] by [3, ?, 2, 4], strides 1 and 2, SAME")
    equal(run(pooled_shape, [5, 8, None, 3], [1, 3, 3, 1], [1, 2, 2, 1], "VALID"), [5, 3, None, 3], "the shape of a max pooling of [5, 8, "
                                                                                                    "?, 3]")


@task.check(0.75, "a window that is larger than the image",
            hint="With VALID, which numbers does the message name? With SAME there are zeros enough for any window.")
def too_large(run, random):
    size, dilation = (int(n) for n in random.integers(3, 7, 2))
    for taps, stride in ((size + 1, 1), (3, 2)):
        apart = 1 if taps > size else dilation + size
        reach = (taps - 1) * apart + 1
        kind, text = run.error(shape_of, [2, size, 40, 1], [taps, 1, 1, 4], [1, stride, 1, 1], "VALID", [1, apart, 1, 1])
        expect("ValueError" in kind, f"{taps} taps at distance {apart} on {size} pixels, VALID: {kind[0]}, it should be a ValueError")
        wanted = f"Negative dimension size caused by subtracting {reach} from {size} for input: [2,{size},40,1]"
        expect(wanted in text, f"the message is: {text}")
    got = run(shape_of, [2, size, 40, 1], [size + 3, 1, 1, 4], [1, 2, 1, 1], "SAME", [1, 1, 1, 1])
    equal(got, [2, len(range(0, size, 2)), 40, 4], f"the shape of a convolution of {size} rows by {size + 3} taps, SAME, stride 2")
