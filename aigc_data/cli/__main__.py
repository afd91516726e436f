"""`python -m aigc_data.cli`."""

from __future__ import annotations

import sys

from aigc_data.cli.commands import main

sys.exit(main())
