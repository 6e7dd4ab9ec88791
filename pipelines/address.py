"""Check the address that a page is served at."""

import socket

from espalier.data.errors import InputError


def check_address(host: str, port: int, command: str) -> None:
    """Raise InputError if the address cannot be bound; the message gives the command for another port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"cannot listen on {host}, port {port}: {error.strerror}; choose another: {command} --port {port + 1}"
            ) from error
