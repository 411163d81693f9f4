"""Settings of all tests."""
from hypothesis import settings

# An example may take long on a busy machine; pytest's time-out is what ends one that never ends.
settings.register_profile("minitf", deadline=None)
settings.load_profile("minitf")
