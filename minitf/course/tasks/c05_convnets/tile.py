import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "A convolution whose sums stay in registers",
    function="conv2d",
    replaces="kernel Conv2D T=float64",
    suffix=".pyx",
    hints=["fill_offsets: the k-th number of a window is channel k % channels of tap k // channels, and a tap has a row and a column, "
           "again by // and %. "
           "How many numbers further is one row down, how many one column to the right?",
           "tile: three loops, from the outside k, pixels, filters, with the sums in `cdef double total[PIXELS][FILTERS]`, set to 0 "
           "before and copied to "
           "sums behind. That is right. For speed, give full tiles a branch of their own: an array for each pixel, by name, and one loop "
           "over filters "
           "that adds to all four.",
           "convolve: loops over panels, rows, and columns in steps of PIXELS. A tile has min(PIXELS, y.shape[1] - j) pixels; call tile "
           "with "
           "apart = right * channels; of sums, copy as many filters as y still has."],
    why="""Per step of k a full tile loads 16 weights, two vectors with AVX-512, and 4 numbers, for 64 multiply-adds. A loop that adds to y
        directly loads and stores a sum for each. For 28 by 28 pixels, 64 channels and 64 filters of 3 by 3, six plain loops in Cython took
        24 ms on one core, our solution 3.6 ms and the package's kernel 0.6 ms. Compilers are moody here: with an array of arrays, or with
        8 filters in place of 16, GCC 12 left the sums in memory, and the same tile was five times as slow. So the package uses the
        compiler's vector types, which stay in registers. A table of distances is how XNNPACK does it on phones (Dukhan, The Indirect
        Convolution Algorithm, 2019).""",
    seconds=20)


def distances(mine, places, kw, channels, line, down, right):
    """What fill_offsets writes, over numbers that are there before; bare memory, not NumPy's.  (A memoryview has at least one element.)"""
    offsets = np.full(places, -777, np.intp)
    if places:
        offsets = memoryview(bytearray(offsets)).cast("l")
    mine.fill_offsets(offsets, kw, channels, line, down, right)
    return np.array(offsets)


def one_tile(mine, image, first, apart, pixels, offsets, panel):
    def bare(a, kind, writable=False):
        a = np.ascontiguousarray(a)
        return memoryview(bytearray(a) if writable else a.tobytes()).cast("B").cast(kind, a.shape) if a.size else a
    sums = bare(np.full((4, 16), 55.0), "d", True)
    mine.tile(bare(image, "d"), first, apart, pixels, bare(np.array(offsets, np.intp), "l"), bare(panel, "d"), sums)
    return np.array(sums)


def whole_image(mine, image, line, channels, down, right, offsets, panels, rows, columns, filters):
    def bare(a, kind, writable=False):
        a = np.ascontiguousarray(a)
        return memoryview(bytearray(a) if writable else a.tobytes()).cast("B").cast(kind, a.shape) if a.size else a
    y = bare(np.full((rows, columns, filters), 55.0), "d", True)
    mine.convolve(bare(image, "d"), line, channels, down, right, bare(np.array(offsets, np.intp), "l"), bare(panels, "d"),
                  bare(np.full((4, 16), 66.0), "d", True), y)
    return np.array(y)


def kernel(mine, x, w, strides, dilations, padding):
    x, w = np.array(x), np.array(w)
    x.flags.writeable = w.flags.writeable = False
    attrs = {"strides": (1, *strides, 1), "dilations": (1, *dilations, 1), "padding": padding, "data_format": "NHWC"}
    return np.asarray(mine.conv2d(attrs, x, w))


def wanted_offsets(kh, kw, channels, line, down, right):
    return np.array([a * down * line + b * right * channels + c for a in range(kh) for b in range(kw) for c in range(channels)], np.intp)


def wanted_tile(image, first, apart, pixels, offsets, panel):
    sums = np.full((4, 16), 55.0)
    for p in range(pixels):
        sums[p] = image[first + p * apart + np.array(offsets, np.intp)] @ panel
    return sums


def convolution(x, w, strides, dilations, padding):
    """Tap by tap, with zeros around."""
    (n, h, wide, _), (kh, kw, _, filters) = x.shape, w.shape
    places, before = [], []
    for size, taps, stride, dilation in zip((h, wide), (kh, kw), strides, dilations):
        reach = (taps - 1) * dilation + 1
        places.append(-(-size // stride) if padding == "SAME" else (size - reach) // stride + 1)
        before.append(max(0, (places[-1] - 1) * stride + reach - size) // 2 if padding == "SAME" else 0)
    more = [p * s + t * d + size for p, s, t, d, size in zip(places, strides, (kh, kw), dilations, (h, wide))]
    x = np.pad(x, ((0, 0), (before[0], more[0]), (before[1], more[1]), (0, 0)))
    y = np.zeros((n, *places, filters))
    for a in range(kh):
        for b in range(kw):
            rows, columns = (k * d + np.arange(p) * s for k, d, p, s in zip((a, b), dilations, places, strides))
            y += x[:, rows[:, np.newaxis], columns] @ w[a, b]
    return y


def panels_of(w):
    """[panels, terms, 16] of [kh, kw, channels, filters]."""
    flat = w.reshape(-1, w.shape[3])
    flat = np.pad(flat, ((0, 0), (0, -w.shape[3] % 16)))
    return np.ascontiguousarray(flat.reshape(len(flat), -1, 16).transpose(1, 0, 2))


def compare_image(run, random, size, taps, channels, filters, strides):
    """convolve by itself, on an image without zeros around."""
    image, w = random.standard_normal((*size, channels)), random.standard_normal((*taps, channels, filters))
    wanted = convolution(image[np.newaxis], w, strides, (1, 1), "VALID")[0]
    line = size[1] * channels
    at = wanted_offsets(*taps, channels, line, 1, 1)
    got = run(whole_image, image.ravel(), line, channels, *strides, at, panels_of(w), *wanted.shape)
    close(got, wanted, f"an image {list(image.shape)}, filters {list(w.shape)}, strides {strides}", rtol=1e-10, atol=1e-11)


@task.check(1, "the distances of a window's numbers",
            hint="Do the examples by hand. Then two channels: the numbers of a pixel lie side by side, so the next pixel is two numbers "
                 "further.")
def offsets(run, random):
    equal(run(distances, 4, 2, 1, 5, 1, 1), np.array([0, 1, 5, 6]), "the first example")
    equal(run(distances, 4, 2, 1, 5, 1, 3), np.array([0, 3, 5, 8]), "the second example")
    for _ in range(20):
        kh, kw, channels, down, right = random.integers(1, 5, 5).tolist()
        line = channels * int(random.integers(1, 40))
        equal(run(distances, kh * kw * channels, kw, channels, line, down, right), wanted_offsets(kh, kw, channels, line, down, right),
              f"{kh} by {kw} taps, {channels} channels, line {line}, dilations {down} and {right}")
    equal(run(distances, 0, 0, 3, 9, 1, 1), np.zeros(0, np.intp), "no places")


@task.check(1.5, "a tile of 4 pixels by 16 filters",
            hint="Where do the 64 sums begin at 0, and where does pixel p find its number: first + offsets[k] + ...?")
def full_tile(run, random):
    for terms, apart in [(1, 1), (9, 3), (50, 2), (27, 0)]:
        image, panel = random.standard_normal(400), random.standard_normal((terms, 16))
        at, first = random.integers(0, 300, terms).tolist(), int(random.integers(0, 40))
        close(run(one_tile, image, first, apart, 4, at, panel), wanted_tile(image, first, apart, 4, at, panel),
              f"{terms} offsets, first {first}, windows {apart} apart", rtol=1e-10, atol=1e-11)


@task.check(0.5, "tiles of less than 4 pixels, and sums of nothing",
            hint="Rows of sums beyond `pixels` are not yours, and there may be no number in the image at their place. With no offsets the "
                 "sums are 0.")
def partial_tile(run, random):
    for pixels in (1, 2, 3):
        image, panel = random.standard_normal(30), random.standard_normal((5, 16))
        at, apart = random.integers(0, 10, 5).tolist(), 19 // pixels
        first = 29 - max(at) - (pixels - 1) * apart                     # the last window ends with the image
        if first >= 0:
            close(run(one_tile, image, first, apart, pixels, at, panel), wanted_tile(image, first, apart, pixels, at, panel),
                  f"{pixels} pixels", rtol=1e-10, atol=1e-11)
    for pixels in (4, 2):
        close(run(one_tile, np.ones(4), 0, 1, pixels, [], np.zeros((0, 16))), wanted_tile(np.ones(4), 0, 1, pixels, [], np.zeros((0, 16))),
              f"{pixels} pixels and no offsets")


@task.check(1, "images that tiles divide evenly",
            hint="The window for row i and column j of y begins at row i * down and column j * right. How many numbers is that from the "
                 "beginning?")
def even(run, random):
    for size, taps, channels, filters, strides in [((3, 6), (3, 3), 1, 16, (1, 1)), ((5, 9), (2, 2), 3, 32, (1, 1)),
                                                   ((7, 12), (1, 5), 2, 48, (2, 1)),
                                                   ((6, 9), (2, 3), 2, 16, (2, 2))]:
        compare_image(run, random, size, taps, channels, filters, strides)


@task.check(1, "rows and filters that they do not",
            hint="Rows of 1, 2, 3 and 5 pixels, and 1, 7 and 17 filters: what of sums belongs to y, and from which column on?")
def ragged(run, random):
    for columns, filters in [(1, 1), (2, 7), (3, 9), (5, 16), (6, 20), (7, 3), (13, 17)]:
        compare_image(run, random, (4, columns + 1), (3, 2), 2, filters, (1, 1))
    compare_image(run, random, (9, 15), (2, 3), 3, 5, (3, 2))


@task.check(1, "the whole kernel: padding, strides, dilations, nothing",
            hint="This is your three functions together: if the checks before it hold, conv2d, which was given, has been changed.")
def whole(run, random):
    for shape, taps, filters, strides, dilations in [((2, 6, 7, 3), (3, 3), 4, (1, 1), (1, 1)), ((1, 9, 8, 2), (2, 3), 19, (2, 1), (1, 2)),
                                                     ((2, 7, 7, 1), (3, 2), 8, (2, 3), (2, 1)), ((1, 12, 5, 4), (1, 1), 1, (1, 1), (1, 1))]:
        x, w = random.standard_normal(shape), random.standard_normal((*taps, shape[3], filters))
        for padding in "SAME", "VALID":
            how = strides, dilations, padding
            wanted = convolution(x, w, *how)
            got = run(kernel, x, w, *how)
            close(got, wanted, f"images {list(shape)}, filters {list(w.shape)}, strides {strides}, dilations {dilations}, "
                               f"{padding}", rtol=1e-10,
                  atol=1e-11)
            expect(got.dtype == np.float64, f"the result is {got.dtype}")
    for shape, filters in [((0, 4, 4, 2), 3), ((2, 4, 4, 0), 3), ((2, 4, 4, 2), 0), ((2, 0, 4, 2), 3)]:
        close(run(kernel, np.ones(shape), np.ones((3, 3, shape[3], filters)), (1, 1), (1, 1), "SAME"), np.zeros((*shape[:3], filters)),
              f"images {list(shape)}, {filters} filters")
