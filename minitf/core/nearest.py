"""What a module says when it is asked for a name that it does not have."""
import difflib


def no_attribute(module, name, names):
    """The AttributeError for module.name, with the nearest of `names` that are public."""
    near = difflib.get_close_matches(name, (n for n in names if not n.startswith("_")), 3) if not name.startswith("_") else ()
    return AttributeError(f"module {module!r} has no attribute {name!r}" + (f"; the nearest names are {', '.join(near)}" if near else ""))
