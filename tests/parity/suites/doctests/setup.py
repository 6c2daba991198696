from setuptools import setup

raise RuntimeError("setup.py is not imported")
setup()
