import subprocess
import sys


def test_other():
    done = subprocess.run([sys.executable, "-m", "product.other"], capture_output=True, text=True)
    assert done.stdout == "six\n"
