"""tf.app: a program's entry, with its flags read first."""
import sys as _sys

from ..core.nearest import no_attribute as _no_attribute
from . import flags


def run(main=None, argv=None):
    """Read the flags, call main([program name, arguments that are no flags...]), and exit with what it returns.

    main: by default the function of that name in the program's file.  argv: by default sys.argv.

        def main(_):
            print(tf.flags.FLAGS.rate)

        if __name__ == "__main__":
            tf.app.run()
    """
    argv = _sys.argv if argv is None else argv
    rest = flags.FLAGS(argv)
    main = main or getattr(_sys.modules["__main__"], "main", None)
    if main is None:
        raise AttributeError("tf.app.run(): the program has no function main(argv), and none was given")
    _sys.exit(main(rest))


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
