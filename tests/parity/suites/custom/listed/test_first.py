def test_first(request):
    assert type(request.node.parent.parent).__name__ == "ManifestDirectory"
