"""The folder for what tests write: one a process, removed at its end."""
import atexit
import os
import shutil
import tempfile

_folder = None


def get_temp_dir():
    """A folder for temporary files, the same for all tests of this process; removed when it ends."""
    global _folder
    if _folder is None or not os.path.isdir(_folder):
        _folder = tempfile.mkdtemp(prefix="minitf-test-")
        atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    return _folder
