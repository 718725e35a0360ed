"""Addresses of Ray clusters, without Ray."""

from __future__ import annotations

from gfsalnet.errors import RequestError

LOCAL, FOUND = "local", "auto"
"""The addresses of a Ray that is started for the command, and of one that this machine is a node of."""


def host_and_port(address: str) -> tuple[str, int] | None:
    """Where a cluster is; None for `LOCAL` and `FOUND`.

    Raises:
        RequestError: if it is no address.
    """
    if address in (LOCAL, FOUND):
        return None
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        remedy = f"Give HOST:PORT as `ray start --head` printed it, {FOUND}, or {LOCAL}"
        raise RequestError(f"Ray at {address}", "is no address of a cluster", remedy)
    return host.strip("[]"), int(port)
