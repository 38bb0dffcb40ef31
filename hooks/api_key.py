"""The client's `apiKeyHelper`: print a provider's key, for as long as it is the one to bill."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
packages = os.path.join(here, *(("..", "..") if here.endswith("_hooks") else ("..", "src")))
sys.path.insert(0, packages)

from ccfb import helper  # noqa: E402

helper.main(sys.argv[1], packages)
