"""Images: cut, flipped, brightened and so on.  An image is [height, width, channels], images [batch, height, width, channels].

Images of floats are meant to lie in [0, 1], those of integers between 0 and the greatest of their dtype.
"""
import numpy as np

from ..core.dtypes import as_dtype, float32
from ..graph import Tensor, convert_to_tensor, name_scope
from . import array_ops, math_ops, pad_ops, random_ops, reduction_ops, reverse_ops, slice_ops
from .apply import apply_op


def _image(value, name="image"):
    """The image as a tensor of known rank 3, or 4."""
    value = convert_to_tensor(value, name=name)
    if value.get_shape().ndims is None:
        value.set_shape([None, None, None])
    if value.get_shape().ndims not in (3, 4):
        raise ValueError(f"'{name}' must have either 3 or 4 dimensions, got shape {value.get_shape()}")
    return value


def _size(image):
    """(height, width): ints where they are known, else scalar tensors."""
    static, run_time = image.get_shape().as_list()[-3:-1], None
    if None in static:
        run_time = array_ops.shape(image)[-3:-1]
    return [d if d is not None else run_time[i] for i, d in enumerate(static)]


def _known(*values):
    return all(isinstance(v, (int, np.integer)) for v in values)


def convert_image_dtype(image, dtype, saturate=False, name=None):
    """An image in another dtype, scaled from one's range to the other's: floats have [0, 1], integers 0 to their greatest value.

    saturate: values that do not fit become the nearest that does.
    """
    image = convert_to_tensor(image, name="image")
    have, want = image.dtype.base_dtype, as_dtype(dtype).base_dtype
    if have is want:
        return array_ops.identity(image, name=name)
    cast = math_ops.saturate_cast if saturate else math_ops.cast
    with name_scope(name, "convert_image", [image]) as name:
        if have.is_integer and want.is_integer:
            if have.max > want.max:                        # integers are divided, so that the greatest stays the greatest
                return cast(math_ops.floordiv(image, have.as_numpy_dtype((have.max + 1) // (want.max + 1))), want, name=name)
            wide = cast(image, want)
            return apply_op("Mul", wide, want.as_numpy_dtype((want.max + 1) // (have.max + 1)), name=name)
        if have.is_floating and want.is_floating:
            return math_ops.cast(image, want, name=name)
        if have.is_integer:
            return apply_op("Mul", math_ops.cast(image, want), 1.0 / have.max, name=name)
        return cast(apply_op("Mul", image, want.max + 0.5), want, name=name)


def _like(x, value):
    """A number, or a scalar tensor of any dtype, in the dtype of x."""
    return math_ops.cast(value, x.dtype.base_dtype) if isinstance(value, Tensor) else convert_to_tensor(value, dtype=x.dtype.base_dtype)


def _as_floats(image, function):
    """function applied to the image as float32 in [0, 1], and the result in the image's own dtype."""
    own = image.dtype.base_dtype
    if own.is_floating:
        return function(image)
    return convert_image_dtype(function(convert_image_dtype(image, float32)), own, saturate=True)


def per_image_standardization(image):
    """(image - mean) / max(deviation, 1 / sqrt(elements)), of each image by itself; float32 of integers."""
    with name_scope(None, "per_image_standardization", [image]) as name:
        image = _image(image)
        if not image.dtype.is_floating:
            image = math_ops.cast(image, float32)
        axes = [-1, -2, -3]
        count = reduction_ops.reduce_prod(array_ops.shape(image)[-3:])
        mean = reduction_ops.reduce_mean(image, axes, keep_dims=True)
        variance = reduction_ops.reduce_mean(math_ops.squared_difference(image, mean), axes, keep_dims=True)
        least = math_ops.rsqrt(math_ops.cast(count, image.dtype.base_dtype))
        return math_ops.realdiv(image - mean, math_ops.maximum(math_ops.sqrt(variance), least), name=name)


per_image_whitening = per_image_standardization           # the name of 2015


def flip_left_right(image):
    """The image (or images) mirrored: columns in reverse order."""
    image = _image(image)
    return reverse_ops.reverse(image, [image.get_shape().ndims - 2], name="flip_left_right")


def flip_up_down(image):
    """The image (or images) upside down: rows in reverse order."""
    image = _image(image)
    return reverse_ops.reverse(image, [image.get_shape().ndims - 3], name="flip_up_down")


def _random_flip(image, seed, axis_from_end, name):
    with name_scope(None, name, [image]):
        image = _image(image)
        rank = image.get_shape().ndims
        drawn = random_ops.random_uniform([1] * rank if rank == 3 else [array_ops.shape(image)[0], 1, 1, 1], seed=seed)
        chosen = apply_op("LogicalAnd", apply_op("Less", drawn, 0.5), apply_op("OnesLike", apply_op("Equal", image, image)))
        result = apply_op("Select", chosen, reverse_ops.reverse(image, [rank - axis_from_end]), image)
        result.set_shape(image.get_shape())
        return result


def random_flip_left_right(image, seed=None):
    """flip_left_right with probability 1/2, of each of several images by itself."""
    return _random_flip(image, seed, 2, "random_flip_left_right")


def random_flip_up_down(image, seed=None):
    """flip_up_down with probability 1/2, of each of several images by itself."""
    return _random_flip(image, seed, 3, "random_flip_up_down")


def transpose_image(image, name=None):
    """Rows and columns exchanged."""
    image = _image(image)
    return array_ops.transpose(image, [1, 0, 2] if image.get_shape().ndims == 3 else [0, 2, 1, 3], name=name or "transpose_image")


def rot90(image, k=1, name=None):
    """Turned k times by 90 degrees, counter-clockwise.  k: a Python int."""
    with name_scope(name, "rot90", [image]):
        image = _image(image)
        for _ in range(k % 4):
            image = flip_up_down(transpose_image(image))
        return array_ops.identity(image)


def adjust_brightness(image, delta):
    """delta, for values in [0, 1], added to every element; integer images are scaled to that and back."""
    with name_scope(None, "adjust_brightness", [image, delta]):
        image = convert_to_tensor(image, name="image")
        return _as_floats(image, lambda x: apply_op("Add", x, _like(x, delta)))


def random_brightness(image, max_delta, seed=None):
    """adjust_brightness by a number drawn from [-max_delta, max_delta)."""
    if max_delta < 0:
        raise ValueError("max_delta must be non-negative.")
    return adjust_brightness(image, random_ops.random_uniform([], -max_delta, max_delta, seed=seed))


def adjust_contrast(images, contrast_factor):
    """(x - mean) * contrast_factor + mean, the mean taken of each channel of each image."""
    with name_scope(None, "adjust_contrast", [images, contrast_factor]):
        images = _image(images, "images")

        def stretched(x):
            mean = reduction_ops.reduce_mean(x, [-3, -2], keep_dims=True)
            return (x - mean) * _like(x, contrast_factor) + mean
        return _as_floats(images, stretched)


def random_contrast(image, lower, upper, seed=None):
    """adjust_contrast by a number drawn from [lower, upper)."""
    if upper <= lower:
        raise ValueError("upper must be > lower.")
    if lower < 0:
        raise ValueError("lower must be non-negative.")
    return adjust_contrast(image, random_ops.random_uniform([], lower, upper, seed=seed))


def _check_channels(images, count):
    """ValueError if the last dimension is known not to be `count`; a broadcast would take others in silence."""
    shape = images.get_shape()
    if shape.ndims is not None and (shape.ndims == 0 or shape.as_list()[-1] not in (None, count)):
        raise ValueError(f"images must have {count} channel{'s' * (count > 1)} in the last dimension, got {images}")


def rgb_to_grayscale(images, name=None):
    """One channel in place of three: 0.2989 red + 0.5870 green + 0.1140 blue."""
    with name_scope(name, "rgb_to_grayscale", [images]) as name:
        images = convert_to_tensor(images, name="images")
        _check_channels(images, 3)
        own = images.dtype.base_dtype
        floats = images if own.is_floating else convert_image_dtype(images, float32)
        gray = reduction_ops.reduce_sum(floats * np.array([0.2989, 0.5870, 0.1140], floats.dtype.as_numpy_dtype), [-1], keep_dims=True)
        return convert_image_dtype(gray, own, name=name)


def grayscale_to_rgb(images, name=None):
    """Three equal channels in place of one."""
    with name_scope(name, "grayscale_to_rgb", [images]) as name:
        images = convert_to_tensor(images, name="images")
        _check_channels(images, 1)
        return slice_ops.concat([images, images, images], -1, name=name)


def crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    """The box of that size whose upper left corner lies at (offset_height, offset_width).  ValueError if it reaches out of the image."""
    with name_scope(None, "crop_to_bounding_box", [image]):
        image = _image(image)
        height, width = _size(image)
        for what, offset, target, size in (("height", offset_height, target_height, height), ("width", offset_width, target_width, width)):
            if _known(offset) and offset < 0:
                raise ValueError(f"offset_{what} must be >= 0.")
            if _known(target) and target <= 0:
                raise ValueError(f"target_{what} must be > 0.")
            if _known(offset, target, size) and offset + target > size:
                raise ValueError(f"{what} must be >= target + offset.")
        before, after = ([0], [-1]) if image.get_shape().ndims == 4 else ([], [])
        return slice_ops.slice(image, [*before, offset_height, offset_width, 0], [*after, target_height, target_width, -1])


def pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width):
    """The image with zeros around it: offset_height rows above, offset_width columns to the left, and so many below and to the right
    that it gets the target size.  ValueError if it does not fit."""
    with name_scope(None, "pad_to_bounding_box", [image]):
        image = _image(image)
        height, width = _size(image)
        below = target_height - offset_height - height
        right = target_width - offset_width - width
        for what, offset, after in (("height", offset_height, below), ("width", offset_width, right)):
            if _known(offset) and offset < 0:
                raise ValueError(f"offset_{what} must be >= 0")
            if _known(after) and after < 0:
                raise ValueError(f"{what} must be <= target - offset")
        around = [[0, 0]] if image.get_shape().ndims == 4 else []
        result = pad_ops.pad(image, [*around, [offset_height, below], [offset_width, right], [0, 0]])
        sizes = [target_height if _known(target_height) else None, target_width if _known(target_width) else None]
        result.set_shape([None] * len(around) + sizes + [None])
        return result


def resize_image_with_crop_or_pad(image, target_height, target_width):
    """The middle of the image in the target size: cut where it is larger, with zeros around where it is smaller."""
    with name_scope(None, "resize_image_with_crop_or_pad", [image]):
        image = _image(image)
        height, width = _size(image)
        most, least = (max, min) if _known(height, width, target_height, target_width) else (math_ops.maximum, math_ops.minimum)
        cut = [most((have - want) // 2, 0) for have, want in ((height, target_height), (width, target_width))]
        cropped = crop_to_bounding_box(image, *cut, least(target_height, height), least(target_width, width))
        border = [most((want - have) // 2, 0) for have, want in ((height, target_height), (width, target_width))]
        return pad_to_bounding_box(cropped, *border, target_height, target_width)


def central_crop(image, central_fraction):
    """The middle of the image, central_fraction of its height and of its width."""
    if not 0 < central_fraction <= 1:
        raise ValueError("central_fraction must be within (0, 1]")
    image = _image(image)
    if central_fraction == 1:
        return image
    height, width = _size(image)
    if not _known(height, width):
        raise ValueError("central_crop needs an image whose size is known when the graph is built")
    top, left = int((height - height * central_fraction) / 2), int((width - width * central_fraction) / 2)
    return crop_to_bounding_box(image, top, left, height - 2 * top, width - 2 * left)


def adjust_gamma(image, gamma=1, gain=1):
    """gain * image ** gamma, for values in [0, 1]."""
    if not isinstance(gamma, Tensor) and gamma < 0:
        raise ValueError("Gamma should be a non-negative real number.")
    image = convert_to_tensor(image, name="image")
    return _as_floats(image, lambda x: x ** _like(x, gamma) * _like(x, gain))


def rgb_to_hsv(images, name=None):
    """Hue, saturation and value, all in [0, 1], of red, green and blue in [0, 1] (the last dimension)."""
    with name_scope(name, "RGBToHSV", [images]) as name:
        images = convert_to_tensor(images, name="images")
        r, g, b = slice_ops.unstack(images, 3, axis=-1)
        value = math_ops.maximum(math_ops.maximum(r, g), b)
        spread = value - math_ops.minimum(math_ops.minimum(r, g), b)
        one, zero = array_ops.ones_like(value), array_ops.zeros_like(value)
        colourless = apply_op("Equal", spread, zero)
        safe = apply_op("Select", colourless, one, spread)
        saturation = apply_op("Select", apply_op("Greater", value, zero), spread / apply_op("Select", apply_op("Greater", value, zero), value, one), zero)
        hue = apply_op("Select", apply_op("Equal", value, r), (g - b) / safe, apply_op("Select", apply_op("Equal", value, g), 2.0 + (b - r) / safe, 4.0 + (r - g) / safe))
        hue = apply_op("Select", colourless, zero, math_ops.floormod(hue / 6.0, 1.0))
        return slice_ops.stack([hue, saturation, value], -1, name=name)


def hsv_to_rgb(images, name=None):
    """Red, green and blue of hue, saturation and value: the inverse of rgb_to_hsv."""
    with name_scope(name, "HSVToRGB", [images]) as name:
        images = convert_to_tensor(images, name="images")
        h, s, v = slice_ops.unstack(images, 3, axis=-1)
        ramps = (math_ops.abs(h * 6.0 - 3.0) - 1.0, 2.0 - math_ops.abs(h * 6.0 - 2.0), 2.0 - math_ops.abs(h * 6.0 - 4.0))
        colours = [math_ops.minimum(math_ops.maximum(ramp, 0.0), 1.0) for ramp in ramps]
        return slice_ops.stack([((c - 1.0) * s + 1.0) * v for c in colours], -1, name=name)


def adjust_hue(image, delta, name=None):
    """The hue of an RGB image turned by delta, a number in [-1, 1]."""
    with name_scope(name, "adjust_hue", [image]):
        image = convert_to_tensor(image, name="image")

        def turned(x):
            h, s, v = slice_ops.unstack(rgb_to_hsv(x), 3, axis=-1)
            return hsv_to_rgb(slice_ops.stack([math_ops.floormod(h + _like(x, delta), 1.0), s, v], -1))
        return _as_floats(image, turned)


def adjust_saturation(image, saturation_factor, name=None):
    """The saturation of an RGB image times saturation_factor, at most 1."""
    with name_scope(name, "adjust_saturation", [image]):
        image = convert_to_tensor(image, name="image")

        def coloured(x):
            h, s, v = slice_ops.unstack(rgb_to_hsv(x), 3, axis=-1)
            s = math_ops.minimum(math_ops.maximum(s * _like(x, saturation_factor), 0.0), 1.0)
            return hsv_to_rgb(slice_ops.stack([h, s, v], -1))
        return _as_floats(image, coloured)


def random_hue(image, max_delta, seed=None):
    """adjust_hue by a number drawn from [-max_delta, max_delta)."""
    if not 0 <= max_delta <= 0.5:
        raise ValueError("max_delta must be in [0, 0.5].")
    return adjust_hue(image, random_ops.random_uniform([], -max_delta, max_delta, seed=seed))


def random_saturation(image, lower, upper, seed=None):
    """adjust_saturation by a number drawn from [lower, upper)."""
    if upper <= lower:
        raise ValueError("upper must be > lower.")
    if lower < 0:
        raise ValueError("lower must be non-negative.")
    return adjust_saturation(image, random_ops.random_uniform([], lower, upper, seed=seed))
