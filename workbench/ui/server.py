"""What the server lets in: this machine alone, and no page of others around its own.

Belongs here: the address, headers of every answer. Does not belong here: starting the
process (``serve``), pages.
"""

import ipaddress
from typing import Any

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ADDRESS = "127.0.0.1"
FLAGS = (
    *("--server.address", ADDRESS),
    *("--server.allowedHosts", "localhost"),
    *("--server.allowedHosts", ADDRESS),
    *("--server.baseUrlPath", ""),
    *("--server.headless", "true"),
)
"""Of `streamlit run`: they win over the environment and the user's configuration."""

# Components of the app's own pages live in frames, so its own origin may frame it; a
# page on another port is another origin.
_HEADERS = (
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
)


class OwnFrames:
    """Return an application whose answers no foreign page may show in a frame.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, with two more headers."""

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [
                    (name, value)
                    for name, value in message.get("headers", ())
                    if name.lower() not in dict(_HEADERS)
                ]
                message = {**message, "headers": [*kept, *_HEADERS]}
            await send(message)

        await self._app(scope, receive, headed)


MIDDLEWARE: tuple[Any, ...] = (Middleware(OwnFrames),)


def require_loopback(address: str | None) -> None:
    """End the process unless the server would be reached from this machine only.

    There is no password: who reaches the app can make it read files and run jobs.

    Parameters
    ----------
    address : str or None
        What the server is to listen on; None means everywhere.

    Raises
    ------
    SystemExit
        With what to do.
    """
    if address is not None and (address.startswith("unix://") or _is_own(address)):
        return
    raise SystemExit(
        f"Error: the app would listen on {address or 'every address'}, for every "
        "machine that reaches this one, and it asks for no password.\n"
        f"Expected: server.address = {ADDRESS}, as in .streamlit/config.toml\n"
        "Next: unset STREAMLIT_SERVER_ADDRESS, or start it with `make run`; for "
        "another machine, use a tunnel: ssh -L 8501:127.0.0.1:8501 HOST"
    )


def _is_own(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
