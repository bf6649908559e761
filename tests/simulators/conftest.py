import pytest


@pytest.fixture
def data_file(mirror):
    """Function that gives an option `{file: path}` of a registered data file."""
    return lambda name: {"file": str(next(mirror.rglob(name)))}
