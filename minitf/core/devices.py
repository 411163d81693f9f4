"""Device names, whole and partial.

A whole name is '/job:worker/replica:0/task:1/device:CPU:0'.  A partial name constrains some of its fields: '/job:ps',
'/task:1/cpu:0', '/gpu:*'.  The parts stand in any order, a '*' constrains nothing, and '/cpu:1' is an old spelling of
'/device:CPU:1'.
"""
import re
from functools import lru_cache

from .swap import swappable

_FIELDS = ("job", "replica", "task", "device_type", "device_index")
_NOTHING = (None,) * len(_FIELDS)


class DeviceSpec:
    """The fields of a (partial) device name; a field that is not constrained is None.

    >>> DeviceSpec(job="ps", task=1).to_string()
    '/job:ps/task:1'
    >>> DeviceSpec.from_string("/cpu:1/job:worker").to_string()
    '/job:worker/device:CPU:1'
    """
    __slots__ = _FIELDS

    def __init__(self, job=None, replica=None, task=None, device_type=None, device_index=None):
        """ValueError for what could not stand in a name."""
        self._set(_parse(_format((job, replica, task, device_type, device_index))))

    @classmethod
    def from_string(cls, name):
        """ValueError if `name` is no device name."""
        return cls().parse_from_string(name)

    def parse_from_string(self, name):
        """Replace all fields by those of `name`, and return self."""
        return self._set(_parse(name))

    def merge_from(self, other):
        """Take over the fields that `other` constrains."""
        self._set(_merge(self._fields(), other._fields()))

    def to_string(self):
        """The canonical form: '/job:ps/replica:0/task:1/device:CPU:0', with the parts that are constrained."""
        return _format(self._fields())

    def _fields(self):
        return self.job, self.replica, self.task, self.device_type, self.device_index

    def _set(self, fields):
        self.job, self.replica, self.task, self.device_type, self.device_index = fields
        return self

    def __eq__(self, other):
        return self._fields() == other._fields() if isinstance(other, DeviceSpec) else NotImplemented

    __hash__ = None           # its fields change

    def __str__(self):
        return self.to_string()

    def __repr__(self):
        given = ", ".join(f"{name}={value!r}" for name, value in zip(_FIELDS, self._fields()) if value is not None)
        return f"DeviceSpec({given})"


def parse_device(name):
    """The DeviceSpec of a name, of None (no constraint), or of a DeviceSpec (a copy)."""
    return DeviceSpec()._set(_fields_of(name))


def canonical_name(name):
    """The canonical form of a name, a DeviceSpec or None; '' constrains nothing.  ValueError if it is no device name.

    >>> canonical_name("/gpu:*/task:2")
    '/task:2/device:GPU:*'
    """
    return _canonical(name) if isinstance(name, str) else _format(_fields_of(name))


def merge_device(outer, inner):
    """The canonical name of the constraint `inner` inside `outer`: in each field the innermost that says something wins.

    The type and the index are fields of their own, as in TensorFlow: '/gpu:*' inside '/cpu:1' is GPU 1.

    >>> merge_device("/job:worker/cpu:0", "/task:3/cpu:1")
    '/job:worker/task:3/device:CPU:1'
    """
    if not inner:
        return canonical_name(outer)
    if not outer:
        return canonical_name(inner)
    return _format(_merge(_fields_of(outer), _fields_of(inner)))


@swappable
def common_device(a, b, soft=False):
    """The canonical name of what meets both constraints, those of two nodes that must share a device.

    ValueError if they contradict.  soft: types that differ are forgotten with their indices, and so are indices that differ.

    >>> common_device("/job:worker/cpu:*", "/task:3/cpu:1")
    '/job:worker/task:3/device:CPU:1'
    """
    first, second = _fields_of(a), _fields_of(b)
    merged = list(_merge(first, second))
    for k, plural in enumerate(("jobs", "replicas", "tasks", "types", "ids")):
        if None in (first[k], second[k]) or first[k] == second[k]:
            continue
        if not soft or k < 3:
            raise ValueError(f"Cannot merge devices with incompatible {plural}: '{_format(first)}' and '{_format(second)}'")
        merged[k:] = [None] * (5 - k)
        break
    return _format(tuple(merged))


def matches(spec, full_name):
    """Whether the device `full_name` meets the constraint `spec` (a name, a DeviceSpec or None)."""
    return all(want is None or want == have for want, have in zip(_fields_of(spec), _fields_of(full_name)))


def asks_for_gpu(spec):
    """Whether a name, a DeviceSpec or None constrains the type to GPU."""
    return bool(spec) and _fields_of(spec)[3] == "GPU"


@lru_cache(4096)
def device_type_of(name):
    """The type in a full name.

    >>> device_type_of("/job:localhost/replica:0/task:0/device:GPU:0")
    'GPU'
    """
    return name.rpartition("/device:")[2].partition(":")[0] or "CPU"


def full_name(device_type, device_index, job="localhost", replica=0, task=0):
    """The whole name of a device; without a cluster the job is 'localhost'.

    >>> full_name("CPU", 0)
    '/job:localhost/replica:0/task:0/device:CPU:0'
    """
    return _format((job, replica, task, device_type, device_index))


def _fields_of(spec):
    if isinstance(spec, str):
        return _parse(spec)
    if spec is None:
        return _NOTHING
    if isinstance(spec, DeviceSpec):
        return spec._fields()
    raise TypeError(f"Expected a device name or a DeviceSpec, got {spec!r}")


# A graph of many thousand ops has few different device names.
@lru_cache(4096)
def _parse(name):
    job = replica = task = device_type = device_index = None
    for part in name.split("/"):
        key, *values = part.split(":")
        if key == "job" and len(values) == 1:
            job = _job(values[0], name)
        elif key == "replica" and len(values) == 1:
            replica = _number(values[0], name)
        elif key == "task" and len(values) == 1:
            task = _number(values[0], name)
        elif key == "device" and len(values) == 2 or key.upper() in ("CPU", "GPU") and len(values) <= 1:
            if device_type is not None:
                raise ValueError(f"Cannot specify multiple device types: {name}")
            kind, index = values if key == "device" else (key, *values, "*")[:2]
            device_type = _type(kind, name)
            device_index = _number(index, name)
        elif part:
            raise ValueError(f"Unknown attribute: '{key}' in '{name}'")
    return job, replica, task, device_type, device_index


def _malformed(name, text):
    return ValueError(f"Malformed device specification '{name}': {text}")


def _job(text, name):
    if text == "*":
        return None
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", text):
        raise _malformed(name, f"a job is a letter and then letters, digits and '_', got '{text}'")
    return text


def _number(text, name):
    if text == "*":
        return None
    if not re.fullmatch("[0-9]+", text):
        raise _malformed(name, f"expected a number or '*', got '{text}'")
    return int(text)


def _type(text, name):
    if text == "*":
        return None
    if not re.fullmatch("[A-Za-z_]+", text):
        raise _malformed(name, f"expected a device type such as CPU, got '{text}'")
    return text.upper() if text in ("cpu", "gpu") else text


def _merge(outer, inner):
    return tuple([a if b is None else b for a, b in zip(outer, inner)])


@lru_cache(4096)
def _canonical(name):
    return _format(_parse(name))


def _format(fields):
    job, replica, task, device_type, device_index = fields
    text = "".join(f"/{key}:{value}" for key, value in (("job", job), ("replica", replica), ("task", task)) if value is not None)
    if device_type is None and device_index is None:
        return text
    return f"{text}/device:{'*' if device_type is None else device_type}:{'*' if device_index is None else device_index}"
