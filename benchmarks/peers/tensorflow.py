"""TensorFlow's own graph and session, as tf.compat.v1 still has them, through the shared workloads."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow.compat.v1 as tf  # noqa: E402: the log level must be set before

from .. import workloads  # noqa: E402

tf.disable_v2_behavior()
tf.logging.set_verbosity(tf.logging.ERROR)
THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
VERSION = tf.__version__


def new_session():
    return tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=THREADS, inter_op_parallelism_threads=THREADS))


def to_numpy(value):
    return value


WORKLOADS = workloads.make(tf, new_session)
