"""The address that the server listens at, and how it starts and stops."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from typing_extensions import override

from product_length.errors import UserError

log = logging.getLogger(__name__)

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_GRACE_SECONDS = 10


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at the address: who asks before the model is loaded waits for it.

    Raises UserError where there cannot be one.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise UserError(f"host={host}: is no address of this machine ({said})") from None
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()  # others may have it bound as well, as long as none listens
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"port={port}: another program listens at {host}:{port}; choose another port, or "
                "port=0 for any that is free"
            ) from None
        if error.errno == errno.EACCES:
            raise UserError(
                f"port={port}: needs rights that you lack; choose one from 1024 on"
            ) from None
        raise UserError(f"host={host}: cannot listen there ({error.strerror or error})") from None
    return bound


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_hosts(host: str) -> list[str]:
    """Names by which the server may be asked.

    At a loopback address no other than its own: a page from elsewhere could else reach it by a name
    of its own that leads here (DNS rebinding).
    """
    return [*_LOOPBACK_NAMES, host] if is_loopback(host) else ["*"]


def address_of(host: str, bound: socket.socket) -> str:
    """The URL of the server."""
    port = bound.getsockname()[1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def say_address(host: str, bound: socket.socket) -> None:
    """Say where the server is, and who reaches it."""
    address = address_of(host, bound)
    if is_loopback(host):
        log.info("serving at %s, for this machine only (Ctrl-C stops)", address)
    else:
        log.warning(
            "warning: serving at %s: whoever reaches this machine can ask, there is no password; "
            "host=127.0.0.1 is for this machine only (Ctrl-C stops)",
            address,
        )


class _Server(uvicorn.Server):
    """Says that it answers once it does, and Ctrl-C is its own to handle."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_started = started

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._say_started()


def make_server(app: Any, started: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """What answers for the application; it says nothing of single requests."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    return _Server(config, started)


def serve_app(app: Any, bound: socket.socket, started: Callable[[], None]) -> None:
    """Answer at the socket until Ctrl-C or a SIGTERM; requests in work are finished.

    `started`: called when it answers.
    """
    try:
        make_server(app, started).run(sockets=[bound])
    except KeyboardInterrupt:
        pass  # uvicorn has stopped in order, and raises what it was stopped by
    finally:
        bound.close()
