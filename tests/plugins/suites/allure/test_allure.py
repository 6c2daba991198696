import allure
import pytest


@allure.epic("epic")
@allure.feature("feature")
@allure.severity(allure.severity_level.CRITICAL)
class TestGroup:
    @allure.title("A title")
    def test_title(self):
        with allure.step("a step"):
            assert True

    @allure.tag("one", "two")
    @pytest.mark.parametrize("x", [1, 2])
    def test_parameters(self, x):
        allure.attach("text", name="attached")
        assert x == 1


@allure.link("https://example.org")
@allure.description("described")
def test_described():
    """Docstring."""


@pytest.mark.skip
def test_skip():
    pass
