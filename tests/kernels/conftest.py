import pytest

from minitf.kernels.cpu import parallel


@pytest.fixture
def threads():
    """A function that sets how many threads kernels use, until the test ends."""
    before = parallel.set_threads(0)
    yield parallel.set_threads
    parallel.set_threads(before)
