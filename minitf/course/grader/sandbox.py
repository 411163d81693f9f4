"""Sandbox: what a submission's process may do.  Whatever it may not is an error in its own process.

    limits(seconds)             processor time, memory, size of a file, number of open files
    no_network()                a network of its own with nothing in it             (Linux)
    only_files(readable...)     the kernel refuses the files that it need not see   (Linux 5.13 and newer: Landlock)
    watch(folder, hidden)       Python itself refuses to open, connect, fork or run a program

The last one holds everywhere; the kernel's own are taken where they are to be had, because code can be found that Python does not see.
"""
import ctypes
import os
import resource
import signal
import struct
import sys

MEMORY = 1 << 30              # bytes beyond what the process has when it begins
FILE = 32 << 20               # bytes of one file
FILES = 128                   # open at the same time


def limits(seconds):
    """Bounds on what this process may use.  More time: SIGXCPU; more memory: MemoryError; a larger file: OSError."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _limit(resource.RLIMIT_CPU, int(seconds) + 1, spare=2)
    _limit(resource.RLIMIT_FSIZE, FILE)
    _limit(resource.RLIMIT_NOFILE, FILES)
    _limit(resource.RLIMIT_CORE, 0)
    try:
        with open("/proc/self/statm") as f:
            now = int(f.read().split()[0]) * resource.getpagesize()
    except OSError:                                       # macOS does not hold anybody to it anyway
        now = 0
    _limit(resource.RLIMIT_AS, now + MEMORY)


def _limit(kind, most, spare=0):
    """spare: how far the limit that kills lies above the one that tells."""
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most + spare if hard == resource.RLIM_INFINITY else min(most + spare, hard)))


# ---- the kernel's own means -----------------------------------------------------------------------------------------------

def die_with_parent():
    """Linux: be killed when the process that made this one ends."""
    _prctl(1, signal.SIGKILL)                             # PR_SET_PDEATHSIG


def adopt_orphans():
    """Linux: processes whose parent has ended become children of this one, so that it can end them."""
    _prctl(36, 1)                                         # PR_SET_CHILD_SUBREAPER


def _prctl(option, value):
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def no_network():
    """True if this process now has a network namespace of its own."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    user, net = 0x10000000, 0x40000000                    # CLONE_NEWUSER, CLONE_NEWNET
    return libc.unshare(net) == 0 or os.getuid() != 0 and libc.unshare(user | net) == 0


_EXECUTE, _WRITE, _READ, _READ_DIR = 1, 2, 4, 8           # of linux/landlock.h; the bits from 16 on are removing, making, linking, truncating
_OF_FILES = _EXECUTE | _WRITE | _READ | 1 << 14


def only_files(hidden, writable):
    """True if the kernel now refuses to open anything below the folders `hidden`, and to change anything that is not below `writable`."""
    if sys.platform != "linux" or os.uname().machine not in ("x86_64", "aarch64"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    create, add, restrict = 444, 445, 446
    version = libc.syscall(create, None, 0, 1)
    if version < 1:
        return False
    handled = (1 << 13) - 1 if version < 2 else (1 << 14) - 1 if version < 3 else (1 << 15) - 1
    attr = struct.pack("<Q", handled)
    ruleset = libc.syscall(create, attr, len(attr), 0)
    if ruleset < 0:
        return False

    def allow(path, access):
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return
        if not os.path.isdir(path):
            access &= _OF_FILES
        libc.syscall(add, ruleset, 1, struct.pack("<Qi", access & handled, fd), 0)
        os.close(fd)

    for path in _beside(hidden):
        allow(path, _EXECUTE | _READ | _READ_DIR)
    allow(writable, handled)
    allow("/dev/null", _READ | _WRITE)
    _prctl(38, 1)                                         # PR_SET_NO_NEW_PRIVS, which Landlock asks for
    done = libc.syscall(restrict, ruleset, 0) == 0
    os.close(ruleset)
    return done


def _beside(hidden):
    """The files and folders that together are everything but what lies below `hidden`: Landlock only knows what is allowed."""
    hidden = {os.path.realpath(h) for h in hidden}
    found, stack = [], ["/"]
    while stack:
        folder = stack.pop()
        for entry in sorted(os.listdir(folder)):
            path = os.path.join(folder, entry)
            if path in hidden or os.path.islink(path):
                continue
            if any(h.startswith(path + "/") for h in hidden):
                stack.append(path)
            else:
                found.append(path)
    return found


# ---- Python's own -------------------------------------------------------------------------------------------------------

_NEVER = ("socket.", "ctypes.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "os.startfile", "os.setxattr",
          "pty.spawn", "subprocess.", "signal.pthread_kill", "webbrowser.", "ftplib.", "http.", "urllib.", "smtplib.", "telnetlib.", "sqlite3.", "syslog.")
_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.utime",
            "shutil.rmtree", "shutil.move", "shutil.copyfile", "shutil.copymode", "shutil.chown", "os.mkfifo", "os.mknod")
_MODULES = {"_ctypes", "ctypes", "cffi", "_cffi_backend", "_posixsubprocess", "_multiprocessing", "multiprocessing", "mpi4py", "pycuda"}


def watch(folder, hidden):
    """From now on Python refuses, in this process: networks, programs and processes, native code from elsewhere, reading below `hidden`,
    importing what lies there, and changing files outside `folder`.  It can not be undone."""
    folder, hidden = os.path.realpath(folder), [os.path.realpath(h) for h in hidden]
    below, realpath, fspath = _below, os.path.realpath, os.fspath      # held here: the names can be made to mean something else
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    never, changes, modules, busy = _NEVER, _CHANGES, _MODULES, []

    def refuse(event, args):
        if event.startswith(never):
            raise PermissionError(f"not in an exercise: {event}")
        if event == "import" and args[0] in modules:
            raise PermissionError(f"not in an exercise: import {args[0]}")
        if busy or event != "open" and not event.startswith(changes):
            return
        busy.append(event)
        try:
            for argument in args[:2] if event != "open" else args[:1]:
                if not isinstance(argument, (str, bytes, os.PathLike)):
                    continue
                path = realpath(os.fsdecode(fspath(argument)))
                if any(below(path, h) for h in hidden):
                    raise PermissionError(f"not in an exercise: {event} of {path}")
                if (event != "open" or isinstance(args[2], int) and args[2] & writes) and not below(path, folder) and path != "/dev/null":
                    raise PermissionError(f"not in an exercise: {event} of {path}, which is not in the folder where it runs")
        finally:
            busy.clear()

    for name in _MODULES & set(sys.modules):
        del sys.modules[name]
    sys.addaudithook(refuse)


def _below(path, folder):
    return path == folder or path.startswith(folder + "/")
