"""tf.flags: the options of a program's command line, on argparse.

    tf.flags.DEFINE_float("rate", 0.1, "learning rate")
    FLAGS = tf.flags.FLAGS
    ...
    FLAGS.rate                    # from --rate=0.5 or --rate 0.5, else 0.1

The command line is read when a flag's value is asked for first, or by tf.app.run().  --help lists the flags; an option that is
no flag ends the program with the nearest names.  FLAGS.rate = 0.2 sets a value whatever the command line says.
"""
import argparse as _argparse
import difflib as _difflib
import os as _os
import sys as _sys

from ..core.nearest import no_attribute as _no_attribute

_TRUE, _FALSE = ("true", "t", "1", "yes", "y"), ("false", "f", "0", "no", "n")


class _Flag:
    """One flag.  convert: from the text on the command line to a value; choices: the values that are allowed, or None."""

    def __init__(self, name, default, help, convert, kind, choices=None):
        self.name, self.default, self.help, self.convert, self.kind, self.choices = name, default, help, convert, kind, choices
        self.required = False

    def same_as(self, other):
        return (self.name, self.default, self.help, self.kind, self.choices) == (other.name, other.default, other.help, other.kind, other.choices)


class FlagValues:
    """The values of all flags, as attributes."""

    def __init__(self):
        self.__dict__.update(_flags={}, _parsed=None, _given={}, _rest=[])

    def _define(self, flag):
        known = self._flags.get(flag.name)
        if known is not None and not known.same_as(flag):
            raise ValueError(f"The flag '{flag.name}' is defined twice: as a {known.kind} with default {known.default!r} ({known.help}), "
                             f"and as a {flag.kind} with default {flag.default!r} ({flag.help})")
        if known is None:
            self._flags[flag.name] = flag
            self.__dict__["_parsed"] = None           # of the new flag, the command line was not asked yet

    def __getattr__(self, name):
        if name == "__flags":
            return self.flag_values_dict()            # what programs of 2016 and 2017 list all flags by
        flag = self._flags.get(name)
        if flag is None:
            raise AttributeError(self._unknown(name))
        if name in self._given:
            return self._given[name]
        if self._parsed is None:
            self._parse_flags()
        return self._parsed[name]

    def __setattr__(self, name, value):
        if name not in self._flags:
            raise AttributeError(self._unknown(name))
        self._given[name] = value

    def __delattr__(self, name):
        """Forget the value that was set: the command line's holds again."""
        if name not in self._flags:
            raise AttributeError(self._unknown(name))
        self._given.pop(name, None)

    def __contains__(self, name):
        return name in self._flags

    def __iter__(self):
        return iter(sorted(self._flags))

    def __len__(self):
        return len(self._flags)

    def __dir__(self):
        return sorted(self._flags)

    def __call__(self, argv, known_only=False):
        """Read a command line, argv[0] the program's name; returns argv[:1] and what is no flag.  known_only: options that are no flags pass too."""
        self._parse(list(argv[1:]), argv[0] if argv else None, known_only)
        return list(argv[:1]) + self._rest

    def _parse_flags(self, args=None):
        """Read the command line now; returns what is no flag."""
        self._parse(_command_line() if args is None else list(args), None, False)
        return self._rest

    def is_parsed(self):
        return self._parsed is not None

    def flag_values_dict(self):
        """{name: value} of all flags."""
        return {name: getattr(self, name) for name in self}

    def _unknown(self, name):
        near = _difflib.get_close_matches(name, self._flags, 3)
        return f"There is no flag '{name}'" + (f"; the nearest are {', '.join(near)}" if near else "")

    def _parse(self, args, program, known_only):
        parser = _argparse.ArgumentParser(prog=None if program is None else _os.path.basename(program), allow_abbrev=False)
        for flag in sorted(self._flags.values(), key=lambda f: f.name):
            text = f"{flag.help or ''} (default: {flag.default!r})".replace("%", "%%")
            shown = {"boolean": "true|false", "enum": None}.get(flag.kind, flag.kind.upper())
            parser.add_argument(f"--{flag.name}", dest=flag.name, type=_checked(flag), default=flag.default, help=text, choices=flag.choices,
                                metavar=shown)
        values, rest = parser.parse_known_args([self._normal(arg) for arg in _before_double_dash(args)])
        options = [arg for arg in rest if arg.startswith("-") and len(arg) > 1 and not arg[1].isdigit()]
        if options and not known_only:
            parser.error("; ".join(f"unrecognized argument {option}: {self._unknown(option.lstrip('-').partition('=')[0])}" for option in options))
        missing = [f.name for f in self._flags.values() if f.required and f.name not in self._given and getattr(values, f.name) is None]
        if missing:
            parser.error(f"flag --{missing[0]} must have a value")
        self.__dict__.update(_parsed=vars(values), _rest=rest + list(args[len(_before_double_dash(args)) + 1:]))

    def _normal(self, arg):
        """-name as --name, and of a boolean flag --name as --name=true and --noname as --name=false."""
        name, equals, value = arg.lstrip("-").partition("=")
        if not arg.startswith("-"):
            return arg
        if name in self._flags:
            bare = self._flags[name].kind == "boolean" and not equals
            return f"--{name}=true" if bare else f"--{name}{equals}{value}"
        if name.startswith("no") and not equals and name[2:] in self._flags and self._flags[name[2:]].kind == "boolean":
            return f"--{name[2:]}=false"
        return arg


FLAGS = FlagValues()


def DEFINE_string(flag_name, default_value, docstring):
    """A flag whose value is text, or None by default."""
    FLAGS._define(_Flag(flag_name, default_value, docstring, str, "string"))


def DEFINE_integer(flag_name, default_value, docstring):
    """A flag whose value is a whole number."""
    FLAGS._define(_Flag(flag_name, default_value, docstring, int, "integer"))


def DEFINE_float(flag_name, default_value, docstring):
    """A flag whose value is a float."""
    FLAGS._define(_Flag(flag_name, default_value if default_value is None else float(default_value), docstring, float, "float"))


def DEFINE_boolean(flag_name, default_value, docstring):
    """A flag that is on with --name or --name=true, and off with --noname or --name=false."""
    FLAGS._define(_Flag(flag_name, default_value, docstring, _boolean, "boolean"))


DEFINE_bool = DEFINE_boolean


def DEFINE_enum(flag_name, default_value, enum_values, docstring):
    """A flag whose value is one of some words."""
    FLAGS._define(_Flag(flag_name, default_value, docstring, str, "enum", tuple(enum_values)))


def DEFINE_list(flag_name, default_value, docstring):
    """A flag whose value is a list of words, written with commas between them."""
    default = default_value.split(",") if isinstance(default_value, str) else default_value
    FLAGS._define(_Flag(flag_name, default, docstring, lambda text: text.split(",") if text else [], "list"))


def mark_flag_as_required(flag_name):
    """End the program with a message if the command line does not give the flag and its default is None."""
    if flag_name not in FLAGS:
        raise AttributeError(FLAGS._unknown(flag_name))
    FLAGS._flags[flag_name].required = True


def _boolean(text):
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _checked(flag):
    """For argparse: the conversion, whose ValueError it reports as "invalid integer value"."""
    def convert(text):
        return flag.convert(text)
    convert.__name__ = flag.kind
    return convert


def _before_double_dash(args):
    return args[:args.index("--")] if "--" in args else args


def _command_line():
    """The program's arguments.  Those of a notebook's kernel are not the program's."""
    return [] if _os.path.basename(_sys.argv[0] if _sys.argv else "") == "ipykernel_launcher.py" else _sys.argv[1:]


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
