"""tf.image of 2015: sizes were two numbers, and standardization was called whitening."""
import minitf as tf
import minitf.image as _image

from ..core.nearest import no_attribute as _no_attribute


def per_image_whitening(image):
    """tf.image.per_image_standardization of today."""
    return _image.per_image_standardization(image)


def resize_images(images, new_height, new_width, method=_image.ResizeMethod.BILINEAR, align_corners=False):
    """tf.image.resize_images(images, [height, width]) of today."""
    return _image.resize_images(images, tf.stack([new_height, new_width]), method, align_corners)


def random_crop(image, size, seed=None, name=None):
    """tf.random_crop of today for one image: size is [height, width]."""
    channels = tf.shape(image)[2:] if image.get_shape()[2].value is None else [image.get_shape()[2].value]
    return tf.random_crop(image, tf.concat([size, channels], 0), seed=seed, name=name)


def __getattr__(name):
    try:
        return getattr(_image, name)
    except AttributeError:
        raise _no_attribute(__name__, name, {**vars(_image), **globals()}) from None
