import os

os.write(1, b"\xff\xfe\x00 not text\n")
print("\udcff lone surrogate".encode("utf-8", "replace"))
print("ünïcödé 日本")


def test_binary():
    pass
