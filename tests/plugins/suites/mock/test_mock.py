import os

import pytest


def test_patch(mocker):
    fake = mocker.patch("os.getcwd", return_value="/nowhere")
    assert os.getcwd() == "/nowhere"
    fake.assert_called_once_with()


def test_fails(mocker):
    stub = mocker.stub(name="stub")
    stub("a", b=1)
    stub.assert_called_once_with("a", b=2)


@pytest.mark.parametrize("value", [1, 2])
def test_spy(mocker, value):
    spy = mocker.spy(os.path, "join")
    assert os.path.join("a", str(value))
    assert spy.call_count == 1


def test_class(class_mocker, session_mocker, module_mocker):
    assert class_mocker
