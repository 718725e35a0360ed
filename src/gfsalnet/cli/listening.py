"""Who may reach what listens: the rules that `serve` and `live` share."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

import typer

from gfsalnet.errors import GFSalNetError

WHO = "Who may use it"
_LEAST_TOKEN = 16

HostOption = Annotated[str, typer.Option(rich_help_panel=WHO, help="Address to listen at.")]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=WHO, help="File with the token that every request has to bring. Needed beyond this machine."
    ),
]
NoAuthOption = Annotated[
    bool, typer.Option("--no-auth", rich_help_panel=WHO, help="Let whoever reaches the server use it.")
]
NameOption = Annotated[
    list[str] | None,
    typer.Option(rich_help_panel=WHO, help="Host name that the server may be addressed by; may be repeated."),
]


def require_guard(host: str, token_file: Path | None, no_auth: bool) -> None:
    """Refuse to let strangers in unless that is asked for.

    Raises:
        typer.BadParameter: if the address can be reached from elsewhere, without a token.
    """
    if not _is_loopback(host) and token_file is None and not no_auth:
        said = f"{host} can be reached from elsewhere: give --token-file, or --no-auth if everybody may use it"
        raise typer.BadParameter(said, param_hint="--host")


def host_names(host: str, names: list[str]) -> frozenset[str]:
    """Host names to answer to, in small letters.

    Beyond this machine its users alone know them, and the token keeps strangers out.
    """
    known = {"localhost", "127.0.0.1", "::1", host.lower(), *(name.lower() for name in names)}
    return frozenset(known) if names or _is_loopback(host) else frozenset()


def read_token(path: Path | None) -> str | None:
    """The token in a file.

    Raises:
        GFSalNetError: if it cannot be read, or is too short or no word.
    """
    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise GFSalNetError(path, f"cannot be read ({error})", "Write the token into it, one line of text") from error
    if len(token) < _LEAST_TOKEN or not token.isascii() or any(c.isspace() for c in token):
        problem = f"holds no token of {_LEAST_TOKEN} or more letters and digits"
        raise GFSalNetError(path, problem, "`python -c 'import secrets; print(secrets.token_urlsafe())'` makes one")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
