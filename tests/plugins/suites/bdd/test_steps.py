from pytest_bdd import given, parsers, scenario, scenarios, then, when

scenarios("steps.feature")


@scenario("steps.feature", "One more")
def test_again():
    pass


@given(parsers.parse("there are {number:d} things"), target_fixture="things")
def things(number):
    return [None] * number


@when("one comes")
def comes(things):
    things.append(None)


@then(parsers.parse("there are {number:d} things"))
def there_are(things, number):
    assert len(things) == number
