"""minitf, through the shared workloads."""
import os

import minitf as tf

from .. import workloads

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
VERSION = getattr(tf, "__version__", "")


def new_session():
    return tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=THREADS, inter_op_parallelism_threads=THREADS))


def to_numpy(value):
    return value


WORKLOADS = workloads.make(tf, new_session)
