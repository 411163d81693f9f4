"""Files that are there whole or not at all: written aside, and renamed when they are on disk."""
import contextlib
import itertools
import os
import re
import socket

from ..core.swap import swappable
from .os_errors import os_errors

_HOST = re.sub(r"[^\w.]", "_", socket.gethostname())[:40]
_serial = itertools.count()


@contextlib.contextmanager
@swappable
def written_aside(path):
    """A binary file to write.  When the block ends it takes the place of `path`; when it ends by an exception nothing has changed.

    The file lies in the same folder until then (a rename does not leave a file system), is on disk before it is renamed, and the folder
    after: whenever the process or the machine stops, `path` is the old file or the new one.  What a killed process has left
    behind is removed by the next that writes in the folder.  OSErrors are raised as OpErrors that name `path`.
    """
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    temporary = os.path.join(folder, f".{_HOST}-{os.getpid()}-{next(_serial)}.part")
    with os_errors(path):
        _remove_abandoned(folder)
        try:
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync(folder)


def _sync(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_abandoned(folder):
    """Remove what processes of this host that are gone have not finished."""
    for name in os.listdir(folder):
        part = re.fullmatch(rf"\.{re.escape(_HOST)}-(\d{{1,9}})-\d+\.part", name)
        if part and not _lives(int(part[1])):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _lives(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False
    except PermissionError:
        return True                       # it lives, and is somebody else's
