import pytest


@pytest.fixture(params=["p", "q"], ids=["P", "Q"])
def both(request):
    return request.param


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, id="drei")])
def marked(request):
    return request.param


@pytest.fixture(params=[{"a": 1}, [2], {3}])
def unhashable(request):
    return request.param


@pytest.fixture(params=[lambda: 1, lambda: 2], ids=lambda f: f"gives{f()}")
def functions(request):
    return request.param()


@pytest.fixture(params=[])
def nothing(request):
    return request.param


@pytest.fixture
def doubled(request):
    return request.param * 2


@pytest.fixture
def upper(doubled, request):
    return str(doubled) + request.param


@pytest.fixture
def optional(request):
    return getattr(request, "param", "default")


def test_fixture_params(both):
    assert both in "pq"


def test_two_fixtures(both, marked):
    pass


def test_unhashable(unhashable):
    pass


def test_functions(functions):
    assert functions in (1, 2)


def test_nothing(nothing):
    raise AssertionError


@pytest.mark.parametrize("doubled", [1, 2], indirect=True)
def test_indirect(doubled):
    assert doubled in (2, 4)


@pytest.mark.parametrize("doubled, other", [(1, 2), (3, 4)], indirect=["doubled"])
def test_indirect_some(doubled, other):
    assert doubled == 2 * (other - 1)


@pytest.mark.parametrize("doubled", [1], indirect=True)
@pytest.mark.parametrize("upper", ["a", "b"], indirect=True)
def test_indirect_chain(upper):
    assert upper[0] == "2"


@pytest.mark.parametrize("both", ["direct"])
def test_parameter_hides_fixture_params(both):
    assert both == "direct"


@pytest.mark.parametrize("optional", [1, 2], indirect=True)
def test_optional_given(optional):
    assert optional in (1, 2)


def test_optional_absent(optional):
    assert optional == "default"


@pytest.mark.parametrize("optional", [pytest.param(object(), id="object")], indirect=True)
def test_opaque_indirect(optional):
    assert type(optional) is object


@pytest.mark.usefixtures("both")
class TestUse:
    def test_used(self):
        pass

    def test_used_and_taken(self, both):
        pass


@pytest.fixture(params=[1, 2])
def inner(request):
    return request.param


@pytest.fixture(params=["a", "b"])
def outer(request, inner):
    return f"{request.param}{inner}"


def test_dependent(outer):
    assert outer in ("a1", "a2", "b1", "b2")


@pytest.fixture(params=[0, 1], autouse=True, scope="class")
def around(request):
    return request.param


class TestAround:
    def test_x(self, around):
        pass

    def test_y(self):
        pass
