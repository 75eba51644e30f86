"""Sockets that servers listen on: at the port that people know, or for a while at any that is free."""

import errno
import ipaddress
import os
import socket

LOCALHOST = "127.0.0.1"


class PortTaken(Exception):
    """The port that was asked for cannot be listened on. The message names the fix."""


def listen(host: str, port: int | None, usual: int, option: str = "--port") -> socket.socket:
    """A socket that listens already: at `port`, or where that is None at the `usual` one, or at one that is free.

    Raises PortTaken where `port` was given and cannot be had; `option` is how it was given.
    """
    for wanted in [port] if port is not None else [usual, 0]:
        try:
            return socket.create_server((host, wanted), family=_family(host), backlog=2048)
        except OSError as error:
            problem = error
    at = f"{host}:{usual if port is None else port}"
    if problem.errno == errno.EADDRINUSE:
        raise PortTaken(
            f"{at} is taken by another program: end that, or choose another port with {option}"
        ) from problem
    raise PortTaken(f"nothing can listen at {at} ({_reason(problem)}): choose another with {option}") from problem


def port_of(listening: socket.socket) -> int:
    """The port of a socket that listens."""
    return int(listening.getsockname()[1])


def address_of(host: str, port: int) -> str:
    """Where programs on this machine reach what listens at `host`: `http://127.0.0.1:4200`."""
    name = {"0.0.0.0": LOCALHOST, "::": "::1", "": LOCALHOST}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def is_local(host: str) -> bool:
    """Whether only this machine reaches what listens at `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may point anywhere
        return False


def _reason(error: OSError) -> str:
    """Without the address, which Python adds; the message has it."""
    return str(error) if error.errno is None or error.errno < 0 else os.strerror(error.errno)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
