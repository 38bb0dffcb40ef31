"""StatusLine: the status line is drawn. All else is in `ccfb/gate.py`."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
packages = os.path.join(here, *(("..", "..") if here.endswith("_hooks") else ("..", "src")))
sys.path.insert(0, packages)

from ccfb import gate  # noqa: E402

gate.main("StatusLine", packages)
