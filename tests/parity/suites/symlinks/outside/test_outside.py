def test_outside(request):
    assert request.path.exists()
