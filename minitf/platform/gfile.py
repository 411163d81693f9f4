"""tf.gfile: files and folders by TensorFlow's names.  What the system refuses is a tf.errors.OpError that names the path."""
import collections
import glob
import os
import shutil

from ..core.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError, PermissionDeniedError
from ..core.nearest import no_attribute as _no_attribute
from .os_errors import os_errors

FileStatistics = collections.namedtuple("FileStatistics", "length mtime_nsec is_directory")
_MODES = ("r", "w", "a", "r+", "w+", "a+", "rb", "wb", "ab", "rb+", "wb+", "ab+", "r+b", "w+b", "a+b")


class GFile:
    """A file, opened when it is first read from or written to.

    name  its path
    mode  "r", "w" or "a", with "b" for bytes instead of text (UTF-8) and "+" for both directions

    >>> with tf.gfile.GFile("notes.txt", "w") as f:
    ...     f.write("a line\\n")
    NotFoundError, PermissionDeniedError and so on, at the first use that needs the file; ValueError for another mode.
    """

    def __init__(self, name, mode="r"):
        if mode not in _MODES:
            raise ValueError(f"mode is {mode!r}, it should be one of {', '.join(_MODES)}")
        self._name, self._mode, self._file = os.fspath(name), mode, None
        self._is_text = "b" not in mode

    @property
    def name(self):
        return self._name

    @property
    def mode(self):
        return self._mode

    def _opened(self, to_write):
        if "+" not in self._mode and to_write == (self._mode[0] == "r"):
            raise PermissionDeniedError(None, None, f"{self._name}; File isn't open for {'writing' if to_write else 'reading'}")
        if self._file is None:
            # Bytes below, also for text: only so can any place be told and gone to.
            self._file = open(self._name, self._mode.replace("b", "") + "b")
        return self._file

    def _result(self, data):
        return data.decode() if self._is_text else data

    def read(self, n=-1):
        """The next n bytes, or all that are left; in a text mode decoded."""
        with os_errors(self._name):
            return self._result(self._opened(False).read(n))

    def readline(self):
        """The next line with its '\\n'; empty at the end."""
        with os_errors(self._name):
            return self._result(self._opened(False).readline())

    def readlines(self):
        return list(self)

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def write(self, file_content):
        """Write a str (as UTF-8) or bytes."""
        with os_errors(self._name):
            self._opened(True).write(file_content.encode() if isinstance(file_content, str) else file_content)

    def seek(self, offset=None, whence=0, position=None):
        """Go to a place: counted from the beginning (whence 0), from here (1), from the end (2).  position is the old name of offset."""
        if offset is None and position is None:
            raise TypeError("seek(): offset argument required")
        with os_errors(self._name):
            self._opened("r" not in self._mode).seek(position if offset is None else offset, whence)

    def tell(self):
        with os_errors(self._name):
            return self._opened("r" not in self._mode).tell()

    def size(self):
        """Bytes of the file; what was written is counted when it has been flushed."""
        return Stat(self._name).length

    def flush(self):
        """Hand what was written to the system."""
        if self._file is not None:
            with os_errors(self._name):
                self._file.flush()

    def close(self):
        """Close the file.  One opened for writing is made even if nothing was written."""
        with os_errors(self._name):
            if self._file is None and self._mode[0] in "wa":
                self._opened(True)
            if self._file is not None:
                file, self._file = self._file, None
                file.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


Open = FastGFile = GFile


def Exists(path):
    """Whether there is a file or folder of that name."""
    with os_errors(path):
        return os.path.exists(path)


def IsDirectory(path):
    with os_errors(path):
        return os.path.isdir(path)


def MkDir(path):
    """Make one folder.  It may be there already; NotFoundError if the one around it is not, AlreadyExistsError for a file of that name."""
    with os_errors(path):
        if not os.path.isdir(path):
            os.mkdir(path)


def MakeDirs(path):
    """Make a folder and those around it that are missing.  It may be there already."""
    with os_errors(path):
        try:
            os.makedirs(path, exist_ok=True)
        except FileExistsError:
            raise FailedPreconditionError(None, None, f"{path}; Not a directory") from None


def Remove(path):
    """Remove a file.  NotFoundError if it is not there, FailedPreconditionError for a folder."""
    with os_errors(path):
        if os.path.isdir(path) and not os.path.islink(path):
            raise FailedPreconditionError(None, None, f"{path}; Is a directory: DeleteRecursively removes those")
        os.unlink(path)


def DeleteRecursively(path):
    """Remove a file, or a folder with all that is in it.  A symbolic link is removed, not what it points to."""
    with os_errors(path):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def Rename(oldname, newname, overwrite=False):
    """Rename or move a file or folder.  AlreadyExistsError if newname is there and overwrite is false."""
    if not overwrite and Exists(newname):
        raise AlreadyExistsError(None, None, f"{newname}; it is there, and overwrite is False")
    with os_errors(oldname):
        os.replace(oldname, newname)


def Copy(oldpath, newpath, overwrite=False):
    """Copy a file's contents.  AlreadyExistsError if newpath is there and overwrite is false."""
    if not overwrite and Exists(newpath):
        raise AlreadyExistsError(None, None, f"{newpath}; it is there, and overwrite is False")
    with os_errors(oldpath):
        with open(oldpath, "rb") as source, os_errors(newpath), open(newpath, "wb") as target:
            shutil.copyfileobj(source, target)


def Glob(filename):
    """The files and folders that a pattern (* ? [abc]), or any of a list of patterns, matches: sorted."""
    patterns = [filename] if isinstance(filename, (str, bytes, os.PathLike)) else filename
    found = set()
    for pattern in patterns:
        with os_errors(pattern):
            found.update(glob.glob(os.fspath(pattern)))
    return sorted(found)


def ListDirectory(dirname):
    """The names in a folder, sorted, without '.' and '..'.  NotFoundError if it is no folder."""
    if not IsDirectory(dirname):
        raise NotFoundError(None, None, f"Could not find directory {dirname}")
    with os_errors(dirname):
        return sorted(os.listdir(dirname))


def Walk(top, in_order=True):
    """(folder, [names of folders in it], [names of files in it]) for `top` and every folder below, a folder before what is in it;
    with in_order=False behind it.  What can not be read is left out."""
    return os.walk(top, topdown=in_order)


def Stat(filename):
    """length in bytes, mtime_nsec, is_directory.  NotFoundError if it is not there."""
    with os_errors(filename):
        status = os.stat(filename)
        return FileStatistics(status.st_size, status.st_mtime_ns, os.path.isdir(filename))


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
