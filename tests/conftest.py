"""Settings of all tests."""
import os

from hypothesis import settings

# An example may take long on a busy machine; pytest's time-out is what ends one that never ends.
settings.register_profile("minitf", deadline=None)
settings.load_profile("minitf")

# With MINITF_SWAP the whole suite runs on other functions than the package's own (minitf.course.swap).  The first process to import
# minitf sums up how often each was called in all of them, so that has to be this one, before there are workers.
if os.environ.get("MINITF_SWAP"):
    import minitf                                            # noqa: F401
