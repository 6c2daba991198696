"""unittest.TestCase in its varieties."""

import unittest
from unittest import IsolatedAsyncioTestCase, TestCase

import pytest

order = []


def setUpModule():
    order.append("setUpModule")


def tearDownModule():
    order.append("tearDownModule")


class TestSimple(TestCase):
    """A docstring."""

    @classmethod
    def setUpClass(cls):
        order.append("setUpClass")
        cls.shared = 1

    @classmethod
    def tearDownClass(cls):
        order.append("tearDownClass")

    def setUp(self):
        self.value = 3

    def tearDown(self):
        del self.value

    def test_value(self):
        """Also documented."""
        self.assertEqual(self.value, 3)
        self.assertEqual(self.shared, 1)

    def test_fails(self):
        self.assertEqual(1, 2)

    def test_raises(self):
        raise RuntimeError

    def helper(self):
        raise AssertionError

    def test_cleanup(self):
        self.addCleanup(order.append, "cleanup")


class NotNamedTest(unittest.TestCase):
    def test_found_nevertheless(self):
        pass


class TestDerived(TestSimple):
    def test_value(self):
        self.assertEqual(self.value, 3)

    def test_more(self):
        pass


@unittest.skip("whole class")
class TestSkippedClass(TestCase):
    def test_never(self):
        raise AssertionError


class TestSkips(TestCase):
    @unittest.skip("a reason")
    def test_skip(self):
        raise AssertionError

    @unittest.skipIf(True, "if")
    def test_skip_if(self):
        raise AssertionError

    @unittest.skipUnless(True, "unless")
    def test_not_skipped(self):
        pass

    @unittest.expectedFailure
    def test_expected_failure(self):
        self.fail("expected")

    @unittest.expectedFailure
    def test_unexpected_success(self):
        pass

    def test_skip_inside(self):
        self.skipTest("inside")

    def test_raise_skip(self):
        raise unittest.SkipTest("raised")


class TestSetUpClassSkips(TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("in setUpClass")

    def test_never(self):
        raise AssertionError


class TestSetUpClassFails(TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("in setUpClass")

    def test_never(self):
        raise AssertionError


class TestSwitchedOff(TestCase):
    __test__ = False

    def test_never(self):
        raise AssertionError


class TestBaseOnly(TestCase):
    def test_in_base(self):
        pass


TestBaseOnly.__test__ = False


class TestOfBase(TestBaseOnly):
    __test__ = True


class TestSubtests(TestCase):
    def test_subtests(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)


class TestRunTest(TestCase):
    def runTest(self):
        pass


class TestRunTestAndOthers(TestCase):
    def runTest(self):
        raise AssertionError

    def test_other(self):
        pass


class TestAsync(IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.value = 1

    async def test_async(self):
        self.assertEqual(self.value, 1)

    def test_sync(self):
        self.assertEqual(self.value, 1)


@pytest.mark.mark_on_class
class TestWithMarks(TestCase):
    @pytest.mark.mark_on_method
    def test_marked(self):
        pass

    @pytest.mark.skip(reason="pytest's")
    def test_pytest_skip(self):
        raise AssertionError

    @pytest.mark.xfail(reason="pytest's")
    def test_pytest_xfail(self):
        raise AssertionError


@pytest.fixture(scope="class")
def resource(request):
    request.cls.resource = "resource"
    yield
    del request.cls.resource


@pytest.mark.usefixtures("resource")
class TestWithFixture(TestCase):
    @pytest.fixture(autouse=True)
    def auto(self, tmp_path):
        self.tmp = tmp_path

    def test_fixture(self):
        self.assertEqual(self.resource, "resource")
        self.assertTrue(self.tmp.exists())


class TestAttributes(TestCase):
    test_lambda = lambda self: None  # noqa: E731
    test_number = 3

    def test_with_attribute(self):
        pass

    test_with_attribute.tag = "x"

    @staticmethod
    def test_static():
        pass


class Mixin:
    def test_from_mixin(self):
        self.assertTrue(True)


class TestMixed(Mixin, TestCase):
    pass


class TestOuter:
    class TestInner(TestCase):
        def test_nested_case(self):
            pass


class TestSetUpSignature(TestCase):
    def setup_method(self, method):
        self.name = method.__name__

    def test_setup_method(self):
        self.assertEqual(self.name, "test_setup_method")


def load_tests(loader, tests, pattern):
    raise AssertionError("pytest doesn't call it")


def test_order():
    assert "setUpModule" in order
    assert "tearDownModule" not in order
