"""Run-time errors.  Misuse of the Python API raises ValueError, TypeError, RuntimeError or LookupError instead.

Codes are those of TensorFlow's error_codes.proto, which are also those of gRPC.
"""
from .nearest import no_attribute as _no_attribute

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class OpError(Exception):
    """An operation failed while a step ran.

    message     what went wrong, as the kernel said it
    op          the Operation that failed, or None (ops that the runtime made; errors from another process)
    node_def    its NodeDef, made when it is asked for, or None
    error_code  one of the codes of this module

    str(e) is the message followed by the lines of context added on the way up: the op, its device, the dtypes and shapes
    of its inputs, the user's own line that made it.  Errors can be pickled and copied; a pickled one leaves its op
    behind, since that belongs to a graph of the sending process.

    >>> error = InvalidArgumentError(None, None, "Incompatible shapes: [2] vs. [3]")
    >>> print(error.add_context(lines=["op 'add' (Add) on /device:CPU:0"]))
    Incompatible shapes: [2] vs. [3]
    op 'add' (Add) on /device:CPU:0
    """

    def __init__(self, node_def, op, message, error_code):
        super().__init__(message)
        self._node_def, self.op, self.message, self.error_code = node_def, op, message, error_code
        self.context = []

    @property
    def node_def(self):
        return getattr(self.op, "node_def", None) if self._node_def is None else self._node_def

    def add_context(self, op=None, node_def=None, lines=()):
        """Set op and node_def where they are missing, append lines to str(self), and return self."""
        if self.op is None:
            self.op = op
        if self._node_def is None:
            self._node_def = node_def
        self.context.extend(lines)
        return self

    def __str__(self):
        return "\n".join([str(self.message), *self.context])

    def __copy__(self):
        return _rebuild(type(self), self.__dict__)

    def __deepcopy__(self, memo):
        return self.__copy__()

    def __reduce__(self):
        try:
            node_def = self.node_def
        except (ImportError, UnimplementedError):      # no tensorboard, or no protobuf form
            node_def = None
        return _rebuild, (type(self), {**self.__dict__, "op": None, "_node_def": node_def})


def _rebuild(cls, fields):
    # Not through __init__: subclasses take three arguments, OpError four, and a user's class may take others.
    error = cls.__new__(cls, fields["message"])
    error.__dict__.update(fields, context=list(fields["context"]))
    return error


class CancelledError(OpError):
    """The step was abandoned: the session was closed, another op failed, or a queue was closed under an enqueue."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, CANCELLED)


class UnknownError(OpError):
    """An error that fits no other class, or a code that another process sent and this one does not know."""

    def __init__(self, node_def, op, message, error_code=UNKNOWN):
        super().__init__(node_def, op, message, error_code)


class InvalidArgumentError(OpError):
    """A value, shape or dtype that an op cannot take; an unfed placeholder; a placement that cannot be met."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, INVALID_ARGUMENT)


class DeadlineExceededError(OpError):
    """The step, or a wait within it, took longer than its time-out."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, DEADLINE_EXCEEDED)


class NotFoundError(OpError):
    """A file, a checkpoint key or a resource that does not exist."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, NOT_FOUND)


class AlreadyExistsError(OpError):
    """Something that was to be made exists."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, ALREADY_EXISTS)


class PermissionDeniedError(OpError):
    """The caller may not do this, such as write to that file."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, PERMISSION_DENIED)


class UnauthenticatedError(OpError):
    """The caller did not say who it is."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, UNAUTHENTICATED)


class ResourceExhaustedError(OpError):
    """Memory or another resource has run out."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, RESOURCE_EXHAUSTED)


class FailedPreconditionError(OpError):
    """The system is not in the state that the op needs: a variable was read before it was initialised."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, FAILED_PRECONDITION)


class AbortedError(OpError):
    """The step lost a race or its peer restarted.  Trying again is sensible."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, ABORTED)


class OutOfRangeError(OpError):
    """The end was passed: of a closed queue, a file, a counter.  The normal end of an input pipeline."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, OUT_OF_RANGE)


class UnimplementedError(OpError):
    """The op exists, but not for these arguments or on this device."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, UNIMPLEMENTED)


class InternalError(OpError):
    """Something that the system itself promises does not hold."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, INTERNAL)


class UnavailableError(OpError):
    """The other process does not answer.  Trying again is sensible."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, UNAVAILABLE)


class DataLossError(OpError):
    """Data were lost or corrupted: a truncated checkpoint, a bad checksum."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, DATA_LOSS)


_CODES = {
    CancelledError: CANCELLED, UnknownError: UNKNOWN, InvalidArgumentError: INVALID_ARGUMENT,
    DeadlineExceededError: DEADLINE_EXCEEDED, NotFoundError: NOT_FOUND, AlreadyExistsError: ALREADY_EXISTS,
    PermissionDeniedError: PERMISSION_DENIED, ResourceExhaustedError: RESOURCE_EXHAUSTED,
    FailedPreconditionError: FAILED_PRECONDITION, AbortedError: ABORTED, OutOfRangeError: OUT_OF_RANGE,
    UnimplementedError: UNIMPLEMENTED, InternalError: INTERNAL, UnavailableError: UNAVAILABLE,
    DataLossError: DATA_LOSS, UnauthenticatedError: UNAUTHENTICATED,
}
_CLASSES = {code: cls for cls, code in _CODES.items()}


def exception_type_from_error_code(error_code):
    """The OpError subclass of a code.  KeyError for OK and for numbers that are no code."""
    return _CLASSES[error_code]


def error_code_from_exception_type(cls):
    """The code of an OpError subclass.  KeyError for any other class."""
    return _CODES[cls]


def make_error(node_def, op, message, error_code):
    """An error of the class that the code asks for; UnknownError, keeping the code, if there is none."""
    if error_code in _CLASSES:
        return _CLASSES[error_code](node_def, op, message)
    return UnknownError(node_def, op, message, error_code)


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
