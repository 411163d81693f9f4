"""Image files as tensors, and back: PNG and JPEG."""
from ..core.dtypes import as_dtype, uint8
from ..core.registry import register_op
from ..core.shapes import TensorShape
from .apply import apply_op
from .shape_fns import SCALAR, with_rank


@register_op("DecodeImage", ["contents: string"], ["image: uint8"], ["channels: int = 0", "format: string = ''"], is_dynamic=True)
def decode_image_shape(c):
    with_rank(c, 0, 0)
    return [TensorShape([None, None, c.attrs["channels"] or None])]


def _image_shape(c):
    with_rank(c, 0, 3)
    return [SCALAR]


register_op("EncodePng", ["image: uint8"], ["contents: string"], ["compression: int = -1"])(_image_shape)
register_op("EncodeJpeg", ["image: uint8"], ["contents: string"],
            ['format: {"", "grayscale", "rgb"} = ""', "quality: int = 95", "progressive: bool = False", "optimize_size: bool = False",
             "chroma_downsampling: bool = True"])(_image_shape)


def _decode(contents, channels, dtype, form, allowed, name):
    if channels not in allowed:
        raise ValueError(f"channels must be one of {', '.join(map(str, allowed))}, got {channels}")
    if as_dtype(dtype) is not uint8:
        raise ValueError(f"Images are decoded to uint8 (tf.image.convert_image_dtype makes other dtypes of it), got {as_dtype(dtype).name}")
    return apply_op("DecodeImage", contents, channels=channels, format=form, name=name)


def decode_png(contents, channels=0, dtype=uint8, name=None):
    """The bytes of a PNG file, a string scalar, as [height, width, channels] of uint8; InvalidArgumentError in the run for other bytes.

    channels: 0 (as in the file), 1 (grey), 3 (colours) or 4 (colours and opacity).
    """
    return _decode(contents, channels, dtype, "PNG", (0, 1, 3, 4), name or "DecodePng")


def decode_jpeg(contents, channels=0, ratio=1, fancy_upscaling=True, try_recover_truncated=False, acceptable_fraction=1.0, dct_method="", name=None):
    """The bytes of a JPEG file as [height, width, channels] of uint8; InvalidArgumentError in the run for other bytes.

    channels: 0 (as in the file), 1 or 3.  ratio must be 1, and truncated files are refused; the other arguments choose among ways to
    decode that this decoder does not offer, and change nothing.
    """
    if ratio != 1 or try_recover_truncated:
        raise ValueError("decode_jpeg: a ratio other than 1 and try_recover_truncated are not implemented")
    return _decode(contents, channels, uint8, "JPEG", (0, 1, 3), name or "DecodeJpeg")


def decode_image(contents, channels=None, dtype=uint8, name=None):
    """decode_png or decode_jpeg (or of a GIF's first picture, or a BMP), whichever the bytes are."""
    return _decode(contents, channels or 0, dtype, "", (0, 1, 3, 4), name)


def encode_png(image, compression=-1, name=None):
    """An image, [height, width, 1 to 4 channels] of uint8, as the bytes of a PNG file.  compression: 0 to 9, or -1 for the usual."""
    return apply_op("EncodePng", image, compression=compression, name=name)


def encode_jpeg(image, format="", quality=95, progressive=False, optimize_size=False, chroma_downsampling=True, name=None):
    """An image, [height, width, 1 or 3 channels] of uint8, as the bytes of a JPEG file.  quality: 0 to 100."""
    return apply_op("EncodeJpeg", image, format=format, quality=quality, progressive=progressive, optimize_size=optimize_size,
                    chroma_downsampling=chroma_downsampling, name=name)
