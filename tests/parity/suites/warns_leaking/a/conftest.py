"""Holds for this folder and for what is collected after it."""

import warnings

warnings.filterwarnings("ignore", message="of no interest")
