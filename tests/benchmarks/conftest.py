"""Benchmarks import each other as programs of one folder do."""

import os
import sys

BENCHMARKS = os.path.join(os.path.dirname(__file__), "../../benchmarks")
sys.path.append(os.path.abspath(BENCHMARKS))
