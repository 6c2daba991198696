def test_python(request):
    assert type(request.node.session).__name__ == "Session"
