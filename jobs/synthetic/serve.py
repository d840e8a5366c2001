"""Serves a sample's photos on 127.0.0.1 as a mirror of the hosts in images.csv, while a command runs.

usage: python -m oilake.jobs.synthetic.serve DIR COMMAND …    every {url} in the command becomes the mirror's address
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from oilake.jobs.synthetic import ground_truth, photos

S = TypeVar("S", bound=ThreadingHTTPServer)
UNAVAILABLE = "/photo_unavailable.png"


class PhotoMirror(ThreadingHTTPServer):
    """By path, /<host>/<path of the URL>: the file, and what is wrong with it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sample: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), PhotoMirrorHandler)
        self.photos: dict[str, tuple[Path, str]] = {}
        for row in ground_truth.read_truth(sample, "photos.csv"):
            path = sample / photos.FOLDER / row["subset"] / f"{row['image_id']}.jpg"
            for url in filter(None, (row["url"], row["thumbnail_url"])):
                parts = urlsplit(url)
                self.photos[f"/{parts.netloc}{parts.path}"] = path, row["fault"]

    @property
    def url(self) -> str:
        """The mirror's address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class PhotoMirrorHandler(BaseHTTPRequestHandler):
    """Answers as Flickr does: a lost photo is a redirect to a picture that says so."""

    protocol_version = "HTTP/1.1"
    server: PhotoMirror

    def do_GET(self) -> None:
        """The photo, 302 to the placeholder, or 404."""
        path = urlsplit(self.path).path
        file, fault = self.server.photos.get(path, (None, ""))
        if path == UNAVAILABLE:
            self._send_answer(200, photos.placeholder_png(), "image/png")
        elif fault == "placeholder":
            self._send_answer(302, b"", "text/plain", UNAVAILABLE)
        elif file is None or fault == "missing":
            self._send_answer(404, b"", "text/plain")
        else:
            self._send_answer(200, file.read_bytes(), "image/jpeg")

    def _send_answer(self, status: int, data: bytes, kind: str, place: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if place:
            self.send_header("Location", place)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """The command that is served tells what matters."""


@contextmanager
def serving(sample: Path) -> Iterator[str]:
    """The mirror's address, until the end of the block."""
    with served_in_thread(PhotoMirror(sample)) as mirror:
        yield mirror.url


@contextmanager
def served_in_thread(server: S, poll_seconds: float = 0.5) -> Iterator[S]:
    """A server that answers in a thread of its own until the end of the block, which it sees within `poll_seconds`."""
    thread = threading.Thread(target=server.serve_forever, args=(poll_seconds,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(argv: Sequence[str]) -> int:
    """Runs the command beside the server; the command's exit code."""
    if len(argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    with serving(Path(argv[0])) as url:
        return subprocess.run([word.replace("{url}", url) for word in argv[1:]]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
