"""tf.logging: messages with a level, on the logger "minitf" of Python's logging.

Those below the verbosity, WARN at first, are dropped.  They go to stderr, as WARNING:minitf:text, unless the program configured logging
for itself: then they go where its root logger sends them.
"""
import logging as _logging
import sys as _sys
import threading as _threading

from ..core.nearest import no_attribute as _no_attribute

DEBUG = _logging.DEBUG
INFO = _logging.INFO
WARN = _logging.WARN
ERROR = _logging.ERROR
FATAL = _logging.FATAL

_logger = _logging.getLogger("minitf")
_counts = {}
_lock = _threading.Lock()


class _StandardError(_logging.StreamHandler):
    """Writes to what sys.stderr is at that moment."""

    def __init__(self):
        _logging.Handler.__init__(self)
        self.setFormatter(_logging.Formatter(_logging.BASIC_FORMAT))

    @property
    def stream(self):
        return _sys.stderr

    def emit(self, record):
        if not _logging.getLogger().handlers:
            super().emit(record)


_logger.setLevel(WARN)
_logger.addHandler(_StandardError())


def get_verbosity():
    """The level below which messages are dropped."""
    return _logger.getEffectiveLevel()


def set_verbosity(v):
    """Drop messages below level v: one of DEBUG, INFO, WARN, ERROR, FATAL."""
    _logger.setLevel(v)


def log(level, msg, *args, **kwargs):
    """Log msg % args at a level."""
    _logger.log(level, msg, *args, stacklevel=2, **kwargs)


def debug(msg, *args, **kwargs):
    _logger.debug(msg, *args, stacklevel=2, **kwargs)


def info(msg, *args, **kwargs):
    _logger.info(msg, *args, stacklevel=2, **kwargs)


def warn(msg, *args, **kwargs):
    _logger.warning(msg, *args, stacklevel=2, **kwargs)


warning = warn


def error(msg, *args, **kwargs):
    _logger.error(msg, *args, stacklevel=2, **kwargs)


def fatal(msg, *args, **kwargs):
    """Log at level FATAL.  The program goes on."""
    _logger.critical(msg, *args, stacklevel=2, **kwargs)


def vlog(level, msg, *args, **kwargs):
    """Log at a numeric level."""
    _logger.log(level, msg, *args, stacklevel=2, **kwargs)


def log_if(level, msg, condition, *args):
    """Log where the condition holds."""
    if condition:
        _logger.log(level, msg, *args, stacklevel=2)


def log_every_n(level, msg, n, *args):
    """Log the first of every n calls with this msg."""
    if _count(msg) % n == 0:
        _logger.log(level, msg, *args, stacklevel=2)


def log_first_n(level, msg, n, *args):
    """Log the first n calls with this msg."""
    if _count(msg) < n:
        _logger.log(level, msg, *args, stacklevel=2)


def flush():
    """Write out what handlers keep."""
    for handler in _logger.handlers:
        handler.flush()


def _count(msg):
    with _lock:
        _counts[msg] = _counts.get(msg, -1) + 1
        return _counts[msg]


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
