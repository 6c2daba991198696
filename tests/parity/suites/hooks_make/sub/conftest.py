import pytest


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector, name, obj):
    result = yield
    if isinstance(result, list):
        for node in result:
            node.add_marker(pytest.mark.filterwarnings("ignore"))
        result = result[::-1]
    return result
