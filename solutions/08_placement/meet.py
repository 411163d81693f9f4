"""Two wishes that must both be met (2 points)

Scopes override each other: the innermost wins.  Operations that must be together do not: a variable that asks for "/job:ps" and an
update that asks for "/task:1" are both right, and the place for the two is "/job:ps/task:1".  If one asks for task 1 and the other for task
2, there is none.

Write `common_device`.

    a, b       device names, whole or partial; "" and None ask for nothing
    soft       soft placement: a wish for a type or an index is one that may be dropped
    returns    the canonical name of what meets both
    ValueError if they contradict each other in a field: "Cannot merge devices with incompatible jobs: '/job:ps' and '/job:worker'",
               with the canonical names of both, and "jobs", "replicas", "tasks", "types" or "ids" (of the index): the first of these
               in this order

With soft=True types that differ are dropped, and with them both indices, since GPU 3 says nothing about CPU 3; of equal types with
different indices only the indices are dropped.  Jobs, replicas and tasks that differ are an error all the same: there the variable is in
another process.

parse_device(name) gives the five fields as attributes: job, replica, task, device_type, device_index, None where the name says nothing.
spec.to_string() is the canonical name; spec.merge_from(other) takes over the fields that other has.

Examples:

    common_device("/job:worker/cpu:*", "/task:3/cpu:1")      "/job:worker/task:3/device:CPU:1"
    common_device("/job:ps/gpu:3", "/cpu:3", soft=True)      "/job:ps"

Replaces minitf.core.devices.common_device.     make grade CH=08
"""
from minitf.core.devices import parse_device


def common_device(a, b, soft=False):
    """The canonical name of what meets both constraints; ValueError if they contradict."""
    ### BEGIN SOLUTION
    one, other = parse_device(a), parse_device(b)
    fields = {"job": "jobs", "replica": "replicas", "task": "tasks", "device_type": "types", "device_index": "ids"}
    for field, plural in fields.items():
        wanted = {getattr(one, field), getattr(other, field)} - {None}
        if len(wanted) > 1:
            if not soft or plural not in ("types", "ids"):
                raise ValueError(f"Cannot merge devices with incompatible {plural}: '{one.to_string()}' and '{other.to_string()}'")
            for spec in (one, other):
                spec.device_index = None
                setattr(spec, field, None)
    one.merge_from(other)
    return one.to_string()
    ### END SOLUTION
