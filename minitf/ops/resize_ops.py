"""Images of another size."""
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import constant_value, convert_to_tensor, name_scope
from . import array_ops
from .apply import apply_op
from .shape_fns import FLOAT, sizes, with_rank

_IMAGE = "{float32, float64, int32, int64, int16, int8, uint8}"


def _resized(c):
    """[batch, height, width, channels] of the first input with the height and width that the second says."""
    n, _, _, channels = with_rank(c, 0, 4)
    two, = with_rank(c, 1, 1)
    if two not in (2, None):
        raise ValueError(f"Dimension must be 2 but is {two}: size holds a height and a width")
    size = sizes(c, 1)
    known = [None, None] if size.ndims is None else size.as_list()
    return [TensorShape([n, *known, channels])]


register_op("ResizeNearestNeighbor", ["images: T", "size: int32"], ["resized_images: T"], [f"T: {_IMAGE}", "align_corners: bool = False"])(_resized)
register_op("ResizeBilinear", ["images: T", "size: int32"], ["resized_images: dtype"],
            [f"T: {_IMAGE}", f"dtype: {FLOAT} = float32", "align_corners: bool = False"])(_resized)
for _name in ("ResizeNearestNeighborGrad", "ResizeBilinearGrad"):
    register_op(_name, ["grads: T", "size: int32"], ["output: T"], [f"T: {FLOAT}", "align_corners: bool = False"])(_resized)


class ResizeMethod:
    """How resize_images finds the value of a pixel."""
    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


def resize_nearest_neighbor(images, size, align_corners=False, name=None):
    """images [batch, h, w, channels] in the size (height, width), each pixel a copy of one of them.

    Pixel i takes the value at i * (old / new), rounded down; with align_corners at i * (old - 1) / (new - 1), rounded to the nearest.
    """
    return apply_op("ResizeNearestNeighbor", images, size, align_corners=align_corners, name=name)


def resize_bilinear(images, size, align_corners=False, name=None):
    """images [batch, h, w, channels] in the size (height, width), each pixel a weighted mean of four; float32 (float64 of float64).

    Places as resize_nearest_neighbor has them, not rounded: those of TensorFlow 1.x, without half_pixel_centers.
    """
    images = convert_to_tensor(images, name="images")
    dtype = "float64" if images.dtype.base_dtype.name == "float64" else "float32"
    return apply_op("ResizeBilinear", images, size, dtype=dtype, align_corners=align_corners, name=name)


def resize_images(images, size, method=ResizeMethod.BILINEAR, align_corners=False, preserve_aspect_ratio=False, name=None):
    """images, [batch, h, w, channels] or one [h, w, channels], in the size (height, width).

    method                 a ResizeMethod: BILINEAR (float32) or NEAREST_NEIGHBOR (the same dtype); the other two are not implemented
    preserve_aspect_ratio  the greatest size of the same proportions that fits in `size`; needs static sizes
    The images themselves if they have that size already.
    """
    with name_scope(name, "resize_images", [images, size]) as name:
        images = convert_to_tensor(images, name="images")
        rank = images.get_shape().ndims
        if rank not in (3, 4):
            raise ValueError("'images' must have either 3 or 4 dimensions." if rank is not None else "'images' contains no shape.")
        batch = array_ops.expand_dims(images, 0) if rank == 3 else images
        size = convert_to_tensor(size, dtype="int32", name="size")
        size.get_shape().assert_is_compatible_with([2])
        wanted = constant_value(size)
        have = batch.get_shape().as_list()[1:3]
        if preserve_aspect_ratio:
            if wanted is None or None in have:
                raise ValueError("preserve_aspect_ratio needs sizes that are known when the graph is built")
            scale = min(wanted[0] / have[0], wanted[1] / have[1])
            wanted = [round(scale * d) for d in have]
            size = convert_to_tensor(wanted, dtype="int32")
        if wanted is not None and list(wanted) == have:
            return images
        if method == ResizeMethod.BILINEAR:
            result = resize_bilinear(batch, size, align_corners)
        elif method == ResizeMethod.NEAREST_NEIGHBOR:
            result = resize_nearest_neighbor(batch, size, align_corners)
        elif method in (ResizeMethod.BICUBIC, ResizeMethod.AREA):
            raise ValueError("resize_images: BICUBIC and AREA are not implemented; BILINEAR and NEAREST_NEIGHBOR are")
        else:
            raise ValueError("Resize method is not implemented.")
        return array_ops.squeeze(result, [0], name=name) if rank == 3 else result
