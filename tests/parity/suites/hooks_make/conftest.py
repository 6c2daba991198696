"""Own Module, Class and Function classes; functions made of objects that pytest doesn't know."""

import pytest


class OwnFunction(pytest.Function):
    def __init__(self, *args, own="set", **kwargs):
        super().__init__(*args, **kwargs)
        self.own = own

    def runtest(self):
        self.user_properties.append(("own", self.own))
        super().runtest()


class OwnClass(pytest.Class):
    def collect(self):
        yield from super().collect()
        yield OwnFunction.from_parent(self, name="test_added", callobj=added)


def added():
    pass


class OwnModule(pytest.Module):
    marker = "own"


def pytest_pycollect_makemodule(module_path, parent):
    if module_path.name == "test_own_module.py":
        return OwnModule.from_parent(parent, path=module_path)
    return None


def pytest_pycollect_makeitem(collector, name, obj):
    if name.startswith("check_") and callable(obj):
        return OwnFunction.from_parent(collector, name=name, callobj=obj)
    if name.startswith("Own") and isinstance(obj, type):
        return OwnClass.from_parent(collector, name=name)
    if name.startswith("several_"):
        return [pytest.Function.from_parent(collector, name=f"{name}[{n}]", callobj=obj) for n in range(2)]
    if name == "test_hidden_by_hook":
        return []
    return None
