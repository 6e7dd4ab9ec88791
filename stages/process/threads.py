"""Import this before torch: its threads wait for each other by sleeping soon instead of spinning for long.

A thread that spins keeps a core from the one it waits for, where another program uses a core, too: on 2 cores of which one was
busy, a step of Projected GAN took 10.5 s with the default of libgomp, 1.4 s with this number, 1.05 s on one thread; on 2 free
cores a step of ProGAN took 0.094 s and 0.095 s, means of three
(`python -m espalier.stages.run PIPELINE STAGE --profile`). No bit of a result depends on it. Other OpenMP libraries ignore it.
"""

import os

SPINS = 3000
if "OMP_WAIT_POLICY" not in os.environ:  # a user's choice
    os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
