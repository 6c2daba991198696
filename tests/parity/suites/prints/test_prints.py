import os
import sys

print("to stdout while importing")
print("to stderr while importing", file=sys.stderr)
os.write(1, b"to descriptor 1\n")
os.write(2, b"to descriptor 2\n")


def test_quiet():
    pass


def test_prints_and_fails():
    print("while running")
    raise AssertionError
