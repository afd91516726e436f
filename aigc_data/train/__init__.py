"""Train and sample a language model from a release.

It depends on torch, and on nothing else of the project but the errors: it runs in a vendor's torch image.
"""

import os

# Read by the OpenMP runtime when torch loads it. Threads that spin while they wait make a step five to ten
# times slower
# as soon as another process wants one of the cores; sleeping costs nothing measurable when none does.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
