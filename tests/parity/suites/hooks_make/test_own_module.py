def test_module_class(request):
    assert request.node.parent.marker == "own"
