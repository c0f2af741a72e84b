"""`python -m davit_server` is `davit`."""

import sys

from davit_server.cli import main

sys.exit(main())
