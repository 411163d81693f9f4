"""Wrong solutions of chapter 05, each a mistake seen in a framework or in a student's program."""
from minitf.course.mutants import Mutant

MUTANTS = [
    Mutant("window_count", "forgets the first place", "return free // stride + 1", "return free // stride",
           loses=["plain", "dilated", "unknown", "too_large"]),
    Mutant("window_count", "SAME means as many as pixels, whatever the stride", "free = size - 1 if same",
           "free = (size - 1) * stride if same", loses=["plain", "dilated", "unknown", "too_large"]),
    Mutant("window_count", "a dilation stretches every tap, the last one too", "(taps - 1) * dilation", "(taps * dilation - 1)",
           loses=["dilated", "too_large"]),
    Mutant("window_count", "takes a dilation for a stride of the taps' places only", "size - 1 - (taps - 1) * dilation", "size - taps",
           loses=["dilated", "too_large"]),
    Mutant("window_count", "needs the taps for SAME, too", "size is None or taps is None and not same", "size is None or taps is None",
           loses=["unknown"]),
    Mutant("window_count", "an image without rows has one window", "return free // stride + 1", "return max(1, free // stride + 1)",
           loses=["unknown"]),
    Mutant("window_count", "names the reach and the size, and not whose", "{size} for {argument(c, 0)}", "{size}", loses=["too_large"]),
    Mutant("window_count", "a window that is too large has no places, and nobody hears of it", "if free < 0 and not same:", "if False:",
           loses=["too_large"]),

    Mutant("receptive_field", "forgets that the image ends", "return found & set(range(size))", "return found",
           loses=["chain", "strides", "branches"]),
    Mutant("receptive_field", "cuts off at the image only, and looks through zeros beside the maps until then",
           '''    return tuple(sorted(s) for s in seen.get(image, ((), ())))


def _looked_at(places, size, count, taps, stride, dilation, padding):
    """What windows at these places look at, along one side."""
    zeros = max(0, (count - 1) * stride + (taps - 1) * dilation + 1 - size) if padding in ("SAME", b"SAME") else 0
    found = {p * stride - zeros // 2 + k * dilation for p in places for k in range(taps)}
    return found & set(range(size))''',
           '''    sides = [sorted(s & set(range(image.shape[k + 1].value))) for k, s in enumerate(seen.get(image, (set(), set())))]
    return tuple(sides) if all(sides) else ([], [])


def _looked_at(places, size, count, taps, stride, dilation, padding):
    """What windows at these places look at, along one side."""
    zeros = max(0, (count - 1) * stride + (taps - 1) * dilation + 1 - size) if padding in ("SAME", b"SAME") else 0
    return {p * stride - zeros // 2 + k * dilation for p in places for k in range(taps)}''', loses=["strides"]),
    Mutant("receptive_field", "columns without rows", "if not all(below):", "if False:", loses=["strides"]),
    Mutant("receptive_field", "the odd zero before the image, as in Caffe", "p * stride - zeros // 2", "p * stride - (zeros + 1) // 2",
           loses=["chain", "strides", "branches"]),
    Mutant("receptive_field", "zeros as for stride 1", "max(0, (count - 1) * stride + (taps - 1) * dilation + 1 - size)",
           "(taps - 1) * dilation", loses=["strides"]),
    Mutant("receptive_field", "from the first to the last, gaps filled", "return found & set(range(size))",
           "return set(range(min(found), max(found) + 1)) & set(range(size))", loses=["strides"]),
    Mutant("receptive_field", "what the last branch wants replaces what others want", "rows |= below[0]",
           "rows.clear(); rows.update(below[0])", loses=["branches"]),
    Mutant("receptive_field", "way by way: hands on as soon as it is reached", "elif t not in marked:", "else:", loses=["branches"]),

    Mutant("avg_pool", "counts the padding, as Caffe does", "return total / number",
           "return total / (attrs['ksize'][1] * attrs['ksize'][2])", loses=["edges", "uneven", "special", "fast"]),
    Mutant("avg_pool", "the odd zero before the image", "max(0, (count - 1) * stride + taps - size) // 2",
           "(max(0, (count - 1) * stride + taps - size) + 1) // 2", loses=["uneven"]),
    Mutant("avg_pool", "rounds the number of places down", "count = (size + stride - 1) // stride", "count = max(1, size // stride)",
           loses=["edges", "uneven", "special"]),
    Mutant("avg_pool", "SAME and VALID exchanged", 'attrs["padding"] == "SAME"', 'attrs["padding"] != "SAME"',
           loses=["valid", "edges", "uneven", "special", "fast"]),
    Mutant("avg_pool", "takes what is not finite for 0", "total / number", "np.nan_to_num(total / number, posinf=0, neginf=0)",
           loses=["special"]),
    Mutant("avg_pool", "one place after the other", "    return total / number",
           "    for _ in range(total.shape[1] * total.shape[2]):\n        total = total + 0\n    return total / number", loses=["fast"]),
    Mutant("avg_pool", "only square windows", 'attrs["ksize"][1:3]', '[attrs["ksize"][1]] * 2', loses=["valid", "edges", "uneven"]),

    Mutant("batch_norm", "takes the mean for a constant", "(g - g.mean(axis=axes) - z", "(g - z", loses=["matrix", "images", "large_mean"]),
    Mutant("batch_norm", "takes the variance for a constant", " - z * (g * z).mean(axis=axes))", ")",
           loses=["matrix", "images", "large_mean"]),
    Mutant("batch_norm", "the mean of x squared less the square of the mean", "(centred ** 2).mean(axis=axes)",
           "((x ** 2).mean(axis=axes) - x.mean(axis=axes) ** 2)", loses=["large_mean"]),
    Mutant("batch_norm", "the variance of a sample, with n - 1", "(centred ** 2).mean(axis=axes)",
           "(centred ** 2).sum(axis=axes) / max(1, x[..., 0].size - 1)", loses=["scale_and_offset", "matrix", "images", "large_mean"]),
    Mutant("batch_norm", "forgets the scale", "dx = scale * factor", "dx = factor", loses=["matrix", "images", "large_mean"]),
    Mutant("batch_norm", "normalises over the batch axis only", "axes = tuple(range(x.ndim - 1))", "axes = 0",
           loses=["scale_and_offset", "images"]),
    Mutant("batch_norm", "the slope of the offset is a mean", "doffset = g.sum(axis=axes)", "doffset = g.mean(axis=axes)",
           loses=["scale_and_offset"]),

    Mutant("batch_norm", "lets the framework do it", "    doffset = g.sum(axis=axes)",
           "    import minitf as tf\n    with tf.Graph().as_default(), tf.Session() as sess:\n"
           "        doffset = sess.run(tf.reduce_sum(tf.constant(g), list(axes)))",
           loses=["scale_and_offset", "matrix", "images", "large_mean"]),

    Mutant("max_pool_grad", "the last of equal ones", "(there > greatest[:, i, j])", "(there >= greatest[:, i, j])",
           loses=["padding", "ties", "depth"]),
    Mutant("max_pool_grad", "assigns in place of adding, where windows overlap", "np.add.at(slopes, (", "slopes.__setitem__((",
           loses=["overlapping", "padding", "ties", "special"]),
    Mutant("max_pool_grad", "NaN never wins", " | np.isnan(there) & ~np.isnan(greatest[:, i, j])", "", loses=["special"]),
    Mutant("max_pool_grad", "the last NaN wins", " & ~np.isnan(greatest[:, i, j])", "", loses=["special"]),
    Mutant("max_pool_grad", "a window begins with 0, as if the padding were zeros", "(place[:, i, j] < 0) | ", "",
           loses=["padding", "depth", "special"]),
    Mutant("max_pool_grad", "rows and columns only", "if depth != 1:", "if False:", loses=["depth"]),

    Mutant("image_gradient", "assigns in place of adding", "columns_of_image] += share", "columns_of_image] = share",
           loses=["plain", "strides", "dilations", "edges", "fast"]),
    Mutant("image_gradient", "the filter turned by half, as for the kernel that convolves", "filter[a, b].T", "filter[-1 - a, -1 - b].T",
           loses=["plain", "strides", "dilations", "edges", "fast"]),
    Mutant("image_gradient", "zeros as for stride 1", "(places - 1) * stride + (taps - 1) * dilation + 1 - size)",
           "places - 1 + (taps - 1) * dilation + 1 - size)", loses=["strides", "dilations", "edges"]),
    Mutant("image_gradient", "zeros as without dilation", "(taps - 1) * dilation + 1 - size) if", "taps - size) if",
           loses=["dilations", "edges"]),
    Mutant("image_gradient", "one stride for both sides", 'attrs["strides"][1:3]', '[attrs["strides"][1]] * 2',
           loses=["strides", "dilations", "edges"]),
    Mutant("image_gradient", "the dilation of windows in place of taps", "np.arange(places) * stride + k * dilation",
           "np.arange(places) * stride * dilation + k", loses=["dilations", "edges"]),
    Mutant("image_gradient", "goes through the places one by one", "    return slopes",
           "    for _ in range(len(g) * g.shape[1] * g.shape[2]):\n        slopes += 0\n    return slopes", loses=["fast"]),

    Mutant("tile", "columns before rows", "tap // kw * down * line + tap % kw * right * channels",
           "tap % kw * down * line + tap // kw * right * channels", loses=["offsets", "whole"]),
    Mutant("tile", "a pixel has one number", "tap % kw * right * channels", "tap % kw * right", loses=["offsets", "whole"]),
    Mutant("tile", "a full tile adds to what was there", "a[v] = b[v] = c[v] = d[v] = 0", "a[v] = b[v] = c[v] = d[v] = sums[0, v]",
           loses=["full_tile", "partial_tile", "even", "ragged", "whole"]),
    Mutant("tile", "the third pixel is the second", "image[at + 2 * apart], image", "image[at + apart], image",
           loses=["full_tile", "even", "ragged", "whole"]),
    Mutant("tile", "begins a row's last tile at its end", "total += image[first + p * apart + offsets[k]]",
           "total += image[first + offsets[k]]", loses=["partial_tile", "ragged", "whole"]),
    Mutant("tile", "writes all rows of the sums", "                sums[p, v] = total\n",
           "                sums[p, v] = total\n                sums[3, v] = total\n", loses=["partial_tile"]),
    Mutant("tile", "one stride for both sides", "i * down * line + j * right", "i * right * line + j * right",
           loses=["even", "ragged", "whole"]),
    Mutant("tile", "leaves out the last tile of a row", "range(0, y.shape[1], PIXELS)", "range(0, y.shape[1] - PIXELS + 1, PIXELS)",
           loses=["ragged", "whole"]),
]
