"""What the operating system refuses becomes an OpError that names the path."""
import contextlib
import errno
import os

from ..core.errors import (AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError, PermissionDeniedError,
                           ResourceExhaustedError, UnavailableError, UnimplementedError, UnknownError)

# The groups are TensorFlow's, but for EFBIG (a limit on file sizes), which is OutOfRange there: training loops take that for the end of their input.
_CLASSES = {getattr(errno, name): cls for cls, names in {
    InvalidArgumentError: "EINVAL ENAMETOOLONG EILSEQ ESPIPE ELOOP",
    NotFoundError: "ENOENT ENXIO ENODEV",
    AlreadyExistsError: "EEXIST",
    PermissionDeniedError: "EPERM EACCES EROFS",
    FailedPreconditionError: "ENOTEMPTY EISDIR ENOTDIR EBADF EBUSY ETXTBSY EPIPE",
    ResourceExhaustedError: "ENOSPC EDQUOT EFBIG EMFILE ENFILE EMLINK ENOMEM",
    UnavailableError: "EINTR EAGAIN ESTALE",
    UnimplementedError: "ENOSYS EXDEV",
}.items() for name in names.split()}


def op_error(error, path):
    """The OpError for an OSError about `path`."""
    return _CLASSES.get(error.errno, UnknownError)(None, None, f"{os.fspath(path)}; {error.strerror or error}")


@contextlib.contextmanager
def os_errors(path):
    """Inside, an OSError is raised as an OpError; and a path that can not be one (it holds a NUL) as InvalidArgumentError."""
    try:
        yield
    except OSError as error:
        raise op_error(error, path) from None
    except ValueError as error:
        if "embedded null" not in str(error):
            raise
        raise InvalidArgumentError(None, None, f"{path!r}; {error}") from None
