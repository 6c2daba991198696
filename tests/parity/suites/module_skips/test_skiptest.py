import unittest

raise unittest.SkipTest("unittest's")
