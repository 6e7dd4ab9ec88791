"""Where a page is served: whether its address can be used."""

import socket

from espalier.data.errors import InputError


def check_address(host: str, port: int, command: str) -> None:
    """Raise InputError where nothing can listen there; with the command that would choose another port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"{host}, port {port}, cannot be used: {error.strerror}; choose another: {command} --port {port + 1}"
            ) from error
