import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule


@given(st.integers())
def test_integers(number):
    assert isinstance(number, int)


@given(st.lists(st.integers(), max_size=3))
@settings(max_examples=10)
@example([1])
def test_lists(numbers):
    assert len(numbers) < 3


class TestIn:
    @pytest.mark.quick
    @given(st.text(max_size=2))
    def test_text(self, text):
        pass

    def test_plain(self):
        pass


class Machine(RuleBasedStateMachine):
    @rule()
    def step(self):
        pass


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=3, stateful_step_count=3)
