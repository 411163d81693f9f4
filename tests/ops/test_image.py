"""Images: resized, flipped, cut, brightened, written and read; against NumPy, and numbers that TensorFlow gives."""
import colorsys

import numpy as np
import pytest

import minitf as tf
from minitf.autodiff import check_gradient

from .forms import check

RNG = np.random.default_rng(0)
GRID = np.arange(12.0, dtype=np.float32).reshape(1, 3, 4, 1)


@pytest.fixture(autouse=True)
def session(graph):
    with tf.Session() as sess:
        yield sess


def some(shape, dtype=np.float32):
    return RNG.integers(0, 256, shape).astype(dtype) if np.dtype(dtype).kind in "iu" else RNG.random(shape).astype(dtype)


def resized(x, size, align, how):
    """By the definition, pixel by pixel."""
    out = np.zeros((x.shape[0], *size, x.shape[3]))
    scale = [np.float32(have - 1) / np.float32(want - 1) if align and want > 1 else np.float32(have) / np.float32(max(want, 1)) for have, want in zip(x.shape[1:3], size)]
    for i in range(size[0]):
        for j in range(size[1]):
            y, z = np.float32(i) * scale[0], np.float32(j) * scale[1]
            if how == "nearest":
                near = (lambda v: int(np.floor(v + np.float32(0.5)))) if align else int
                out[:, i, j] = x[:, min(near(y), x.shape[1] - 1), min(near(z), x.shape[2] - 1)]
                continue
            a, b = int(y), int(z)
            c, d = min(a + 1, x.shape[1] - 1), min(b + 1, x.shape[2] - 1)
            u, v = float(y - a), float(z - b)
            out[:, i, j] = (1 - u) * ((1 - v) * x[:, a, b] + v * x[:, a, d]) + u * ((1 - v) * x[:, c, b] + v * x[:, c, d])
    return out


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("size", [(5, 7), (2, 3), (3, 4), (1, 1), (6, 2), (0, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int32, np.int64, np.int16, np.int8])
def test_resize(size, align, dtype):
    for shape in ((2, 3, 4, 3), (1, 1, 1, 1), (0, 2, 2, 1)):
        x = some(shape, dtype) if dtype is not np.int8 else some(shape, np.uint8).view(np.int8)
        wide = x.astype(np.float64)
        check(lambda t: tf.image.resize_nearest_neighbor(t, size, align), resized(wide, size, align, "nearest").astype(dtype), x)
        expected = resized(wide, size, align, "bilinear").astype(np.float64 if dtype is np.float64 else np.float32)
        check(lambda t: tf.image.resize_bilinear(t, size, align), expected, x, close=1e-4 if expected.max(initial=0) > 2 else 1e-6)


def test_resize_as_tensorflow_does(session):
    """TensorFlow's own numbers, for a grid of 0 to 11."""
    np.testing.assert_array_equal(session.run(tf.image.resize_nearest_neighbor(GRID, [5, 7]))[0, :, :, 0][[0, 2, 4]],
                                  [[0, 0, 1, 1, 2, 2, 3], [4, 4, 5, 5, 6, 6, 7], [8, 8, 9, 9, 10, 10, 11]])
    np.testing.assert_array_equal(session.run(tf.image.resize_nearest_neighbor(GRID, [5, 7], align_corners=True))[0, :, :, 0][[0, 1, 3]],
                                  [[0, 1, 1, 2, 2, 3, 3], [4, 5, 5, 6, 6, 7, 7], [8, 9, 9, 10, 10, 11, 11]])
    np.testing.assert_allclose(session.run(tf.image.resize_bilinear(GRID, [5, 7]))[0, 1, :, 0],
                               [2.4, 2.9714286, 3.5428572, 4.114286, 4.6857142, 5.257143, 5.4], rtol=1e-6)
    np.testing.assert_array_equal(session.run(tf.image.resize_bilinear(GRID, [2, 1], align_corners=True)).ravel(), [0, 8])


def test_resize_images(session):
    x = some((3, 4, 2), np.uint8)
    method = tf.image.ResizeMethod
    assert session.run(tf.image.resize_images(x, [6, 6])).dtype == np.float32
    assert session.run(tf.image.resize_images(x, [6, 6], method.NEAREST_NEIGHBOR)).dtype == np.uint8
    np.testing.assert_array_equal(session.run(tf.image.resize_images(x, [2, 2])), session.run(tf.image.resize_images(x[None], [2, 2]))[0])
    np.testing.assert_array_equal(session.run(tf.image.resize_images(x, [3, 4])), x)
    assert tf.image.resize_images(x, [9, 8], preserve_aspect_ratio=True).get_shape() == [6, 8, 2]
    size = tf.placeholder("int32", [2])
    assert session.run(tf.image.resize_images(x, size), {size: [5, 1]}).shape == (5, 1, 2)
    for build in (lambda: tf.image.resize_images(x[0], [2, 2]), lambda: tf.image.resize_images(x, [2, 2], method.AREA), lambda: tf.image.resize_images(x, [2, 2], 9),
                  lambda: tf.image.resize_bilinear(x, [2, 2]), lambda: tf.image.resize_bilinear(x[None], [2, 2, 2])):
        with pytest.raises(ValueError):
            build()
    with pytest.raises(tf.errors.InvalidArgumentError, match="non-zero"):
        session.run(tf.image.resize_bilinear(tf.zeros([1, 0, 2, 1]), [2, 2]))


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("size", [[5, 7], [2, 3], [1, 1]], ids=str)
@pytest.mark.parametrize("known", [True, False])
def test_resize_gradients(size, align, known):
    for function in (tf.image.resize_bilinear, tf.image.resize_nearest_neighbor):
        check_gradient(lambda x: function(x, size, align) ** 2.0, (2, 3, 4, 2), known_shapes=known)


def test_flips_and_turns():
    for shape in ((3, 4, 2), (2, 3, 4, 1)):
        x = some(shape, np.uint8)
        rows, columns = len(shape) - 3, len(shape) - 2
        check(tf.image.flip_left_right, np.flip(x, columns), x, ranks=len(shape) == 3)
        check(tf.image.flip_up_down, np.flip(x, rows), x, ranks=len(shape) == 3)
        check(tf.image.transpose_image, np.swapaxes(x, rows, columns), x, ranks=len(shape) == 3)
        for k in range(-1, 6):
            check(lambda t: tf.image.rot90(t, k), np.rot90(x, k, (rows, columns)), x, ranks=len(shape) == 3)


@pytest.mark.parametrize("function, flip", [(tf.image.random_flip_left_right, 1), (tf.image.random_flip_up_down, 0)], ids=["left_right", "up_down"])
def test_random_flips(function, flip, session):
    x = some((3, 4, 2))
    op, several = function(x, seed=1), function(np.stack([x] * 60), seed=2)
    assert op.get_shape() == x.shape
    drawn = [session.run(op) for _ in range(40)]
    flipped = [(y == np.flip(x, flip)).all() for y in drawn]
    assert all(f or (y == x).all() for f, y in zip(flipped, drawn)) and 8 < sum(flipped) < 32
    flipped = [(y == np.flip(x, flip)).all() for y in session.run(several)]
    assert 12 < sum(flipped) < 48


def test_convert_image_dtype(session):
    convert = tf.image.convert_image_dtype
    u = np.uint8([0, 1, 128, 255])
    check(lambda t: convert(t, tf.float32), u.astype(np.float32) / np.float32(255), u, close=1e-7)
    check(lambda t: convert(t, tf.uint8), np.uint8([0, 127, 255, 255]), np.float32([0, 0.5, 0.999, 1]))
    check(lambda t: convert(t, tf.int16), np.int16([0, 128, 16384, 32640]), u)
    check(lambda t: convert(t, tf.uint8), np.uint8([0, 1, 255]), np.int16([0, 128, 32767]))
    check(lambda t: convert(t, tf.float64), np.float64([0.5]), np.float32([0.5]))
    check(lambda t: convert(t, tf.uint8, saturate=True), np.uint8([0, 255]), np.float32([-1, 3]))
    x = tf.constant(u)
    assert session.run(convert(x, tf.uint8)).tolist() == u.tolist()


def test_brightness_and_contrast(session):
    x = np.uint8([[[10, 250, 30]]])
    np.testing.assert_array_equal(session.run(tf.image.adjust_brightness(x, 0.1)), [[[35, 255, 55]]])
    two = np.uint8([[[10, 250, 30]], [[0, 0, 0]]])
    np.testing.assert_array_equal(session.run(tf.image.adjust_contrast(two, 2.0)), [[[15, 255, 45]], [[0, 0, 0]]])
    f = some((2, 4, 4, 3), np.float64)
    mean = f.mean((1, 2), keepdims=True)
    check(lambda t: tf.image.adjust_contrast(t, 0.5), (f - mean) * 0.5 + mean, f, close=1e-12, ranks=False)
    check(lambda t: tf.image.adjust_brightness(t, -0.25), f - 0.25, f, close=1e-12)
    check(lambda t: tf.image.adjust_gamma(t, 2.0, 3.0), 3 * f ** 2, f, close=1e-12)
    image = f[0].astype(np.float32)
    bright, stretched = tf.image.random_brightness(image, 0.3, seed=1), tf.image.random_contrast(image, 0.5, 1.5, seed=1)
    for _ in range(20):
        delta = session.run(bright) - image
        assert np.ptp(delta) < 1e-6 and abs(delta.mean()) <= 0.3
        mean = image.mean((0, 1))
        factor = (session.run(stretched) - mean) / (image - mean)
        assert np.ptp(factor) < 1e-2 and 0.49 < np.median(factor) < 1.51
    for build in (lambda: tf.image.random_brightness(image, -1), lambda: tf.image.random_contrast(image, 1, 1), lambda: tf.image.random_contrast(image, -1, 1)):
        with pytest.raises(ValueError):
            build()


def test_standardization():
    for x in (some((4, 5, 3), np.float64), np.full((4, 5, 3), 0.7), some((2, 4, 5, 3), np.float64)):
        axes = (-1, -2, -3)
        deviation = np.maximum(x.std(axes, keepdims=True), 1 / np.sqrt(60))
        check(tf.image.per_image_standardization, (x - x.mean(axes, keepdims=True)) / deviation, x, close=1e-9, ranks=x.ndim == 3)
    u = some((4, 5, 3), np.uint8)
    check(tf.image.per_image_whitening, ((u - u.mean()) / u.std()).astype(np.float32), u, close=1e-5)


def test_colours():
    x = np.uint8([[[10, 20, 30], [255, 255, 255], [1, 2, 3]]])
    check(tf.image.rgb_to_grayscale, np.uint8([[[18], [255], [1]]]), x)
    g = some((3, 4, 1))
    check(tf.image.grayscale_to_rgb, np.repeat(g, 3, -1), g, ranks=False)
    f = np.concatenate([some((6, 5, 3), np.float64), np.float64([[[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0.3, 0.3, 0.3]]])])
    hsv = np.array([colorsys.rgb_to_hsv(*p) for p in f.reshape(-1, 3)]).reshape(f.shape)
    check(tf.image.rgb_to_hsv, hsv, f, close=1e-12, ranks=False)
    check(tf.image.hsv_to_rgb, f, hsv, close=1e-12, ranks=False)
    turned = np.array([colorsys.hsv_to_rgb((h + 0.3) % 1, s, v) for h, s, v in hsv.reshape(-1, 3)]).reshape(f.shape)
    check(lambda t: tf.image.adjust_hue(t, 0.3), turned, f, close=1e-12, ranks=False)
    faded = np.array([colorsys.hsv_to_rgb(h, min(s * 1.5, 1), v) for h, s, v in hsv.reshape(-1, 3)]).reshape(f.shape)
    check(lambda t: tf.image.adjust_saturation(t, 1.5), faded, f, close=1e-12, ranks=False)


def test_boxes():
    x = some((5, 6, 2))
    check(lambda t: tf.image.crop_to_bounding_box(t, 1, 2, 3, 4), x[1:4, 2:6], x, static=True)
    check(lambda t: tf.image.pad_to_bounding_box(t, 1, 2, 8, 9), np.pad(x, [(1, 2), (2, 1), (0, 0)]), x)
    batch = some((2, 5, 6, 1))
    check(lambda t: tf.image.crop_to_bounding_box(t, 0, 0, 2, 2), batch[:, :2, :2], batch, ranks=False)
    for size in ((5, 6), (3, 4), (8, 9), (3, 9), (8, 3), (4, 5), (1, 1)):
        want = np.zeros((*size, 2), np.float32)
        cut = [max((have - n) // 2, 0) for have, n in zip(x.shape, size)]
        inner = x[cut[0]:cut[0] + size[0], cut[1]:cut[1] + size[1]]
        top, left = (max((n - have) // 2, 0) for have, n in zip(x.shape, size))
        want[top:top + inner.shape[0], left:left + inner.shape[1]] = inner
        check(lambda t: tf.image.resize_image_with_crop_or_pad(t, *size), want, x)
    np.testing.assert_array_equal(tf.image.central_crop(x, 0.5).eval(), x[1:4, 1:5])
    for build in (lambda: tf.image.crop_to_bounding_box(x, 3, 0, 3, 2), lambda: tf.image.crop_to_bounding_box(x, -1, 0, 3, 2), lambda: tf.image.crop_to_bounding_box(x, 0, 0, 0, 2),
                  lambda: tf.image.pad_to_bounding_box(x, 0, 0, 4, 9), lambda: tf.image.pad_to_bounding_box(x, -1, 0, 9, 9), lambda: tf.image.central_crop(x, 0.0),
                  lambda: tf.image.flip_up_down(x[0])):
        with pytest.raises(ValueError):
            build()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png(channels, session):
    x = some((5, 7, channels), np.uint8)
    data = session.run(tf.image.encode_png(x))
    assert data[:4] == b"\x89PNG"
    for decode in (tf.image.decode_png, tf.image.decode_image):
        np.testing.assert_array_equal(session.run(decode(data)), x)
    if channels != 2:
        assert tf.image.decode_png(data, channels).get_shape().as_list() == [None, None, channels]
        np.testing.assert_array_equal(session.run(tf.image.decode_png(data, channels)), x)
    assert session.run(tf.image.decode_png(data, 3)).shape == (5, 7, 3) and session.run(tf.image.decode_png(data, 1)).shape == (5, 7, 1)


def test_jpeg(session):
    ramp = np.linspace(0, 255, 32)
    x = np.stack([ramp[:, None] + 0 * ramp, ramp + 0 * ramp[:, None], 128 + 0 * ramp + 0 * ramp[:, None]], -1).astype(np.uint8)
    data = session.run(tf.image.encode_jpeg(x, quality=100, chroma_downsampling=False))
    assert data[:2] == b"\xff\xd8"
    assert np.abs(session.run(tf.image.decode_jpeg(data)).astype(int) - x).max() <= 6
    assert session.run(tf.image.decode_jpeg(data, 1)).shape == (32, 32, 1)
    gray = session.run(tf.image.encode_jpeg(x[:, :, :1], "grayscale"))
    assert session.run(tf.image.decode_jpeg(gray)).shape == (32, 32, 1)
    batch = tf.expand_dims(tf.image.convert_image_dtype(tf.image.decode_jpeg(data, 3), tf.float32), 0)
    assert session.run(tf.image.resize_bilinear(batch, [4, 4])).shape == (1, 4, 4, 3)


def test_bytes_that_are_no_image(session):
    good = session.run(tf.image.encode_png(some((20, 20, 3), np.uint8)))
    data = tf.placeholder(tf.string, [])
    for op in (tf.image.decode_png(data), tf.image.decode_jpeg(data), tf.image.decode_image(data)):
        for bad in (b"", b"no image", good[:50], good[:-30], b"\xff\xd8\xff" + good):
            with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid|Unknown"):
                session.run(op, {data: bad})
    with pytest.raises(ValueError, match="channels"):
        tf.image.decode_png(data, 7)
    with pytest.raises(tf.errors.InvalidArgumentError, match="channels"):
        session.run(tf.image.encode_jpeg(np.zeros((2, 2, 4), np.uint8)))


def test_damaged_files_give_one_kind_of_error(session):
    good = np.frombuffer(session.run(tf.image.encode_png(some((8, 8, 3), np.uint8))), np.uint8)
    data = tf.placeholder(tf.string, [])
    op = tf.image.decode_png(data)
    for k in range(150):
        bad = good.copy()
        bad[RNG.integers(0, len(bad), 3)] = RNG.integers(0, 256, 3)
        try:
            session.run(op, {data: bad.tobytes()})
        except tf.errors.InvalidArgumentError:
            pass


def test_other_numbers_of_channels_are_refused_not_broadcast():
    for convert, count, others in ((tf.image.rgb_to_grayscale, 3, ([4, 4, 1], [4, 4], [])), (tf.image.grayscale_to_rgb, 1, ([4, 4, 3], []))):
        for shape in others:
            with pytest.raises(ValueError, match=f"images must have {count} channel"):
                convert(tf.zeros(shape))
