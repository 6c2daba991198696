def test_place(place, request):
    assert place == ["root", "sub"]
    assert request.node.user_properties == [("auto", "sub")]
