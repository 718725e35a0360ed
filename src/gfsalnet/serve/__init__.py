"""The HTTP server: jobs that predict what is sent, by the command line's own options and code, each in a process."""

from gfsalnet.serve.app import create_app
from gfsalnet.serve.settings import CheckOptions, ServeSettings

__all__ = ["CheckOptions", "ServeSettings", "create_app"]
