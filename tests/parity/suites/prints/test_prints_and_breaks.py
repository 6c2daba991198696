import sys

print("before the error")
print("also stderr", file=sys.stderr)
raise RuntimeError("broken")
