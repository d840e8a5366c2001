"""Listens, and serves the viewer until it is told to end."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import uvicorn

from oilake.conf.settings import Settings
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.viewing.blob_pictures import open_places
from oilake.jobs.viewing.mask_overlays import MaskPlaces
from oilake.jobs.viewing.view_address import open_socket, view_address
from oilake.jobs.viewing.view_app import make_app
from oilake.jobs.viewing.view_watch import ViewWatch


@dataclass(frozen=True)
class ViewServer:
    """A viewer that listens already; `url`: what a person opens."""

    url: str
    server: uvicorn.Server
    listening: socket.socket

    def serve(self) -> None:
        """Answers requests until the process is interrupted."""
        with self.listening, suppress(KeyboardInterrupt):
            self.server.run([self.listening])


def open_server(
    warehouse: Warehouse, settings: Settings, places: Sequence[str], host: str, port: int, names: Sequence[str]
) -> ViewServer:
    """A viewer of a warehouse, which listens; ConfigError where a flag does not fit, StoreError where a table is damaged."""
    address = view_address(host, port, names)
    watch = ViewWatch(warehouse)
    watch.newest_view()
    app = make_app(watch, open_places(places, settings), MaskPlaces(settings), address)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    listening = open_socket(address)
    return ViewServer(address.url(listening.getsockname()[1]), uvicorn.Server(config), listening)
