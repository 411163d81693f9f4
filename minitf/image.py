"""tf.image: what is done to images before a network sees them."""
from .core.nearest import no_attribute as _no_attribute
from .ops.codec_ops import decode_image, decode_jpeg, decode_png, encode_jpeg, encode_png
from .ops.image_ops import (adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation, central_crop, convert_image_dtype,
                            crop_to_bounding_box, flip_left_right, flip_up_down, grayscale_to_rgb, hsv_to_rgb, pad_to_bounding_box,
                            per_image_standardization, per_image_whitening, random_brightness, random_contrast, random_flip_left_right,
                            random_flip_up_down, random_hue, random_saturation, resize_image_with_crop_or_pad, rgb_to_grayscale, rgb_to_hsv,
                            rot90, transpose_image)
from .ops.resize_ops import ResizeMethod, resize_bilinear, resize_images, resize_nearest_neighbor


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
