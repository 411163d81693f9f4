"""Steps that wait for queues: what ends their waiting, and what is left behind."""


def queue_state(sess, queue):
    """What the session holds behind a queue's handle."""
    op = queue.queue_ref.op
    return sess._runtime.resources.find("", op.attrs["shared_name"] or op.name)
