"""`python -m gfsalnet`, which is also how `torchrun -m gfsalnet` starts it."""

from gfsalnet.cli import app

app()
