"""usage: python -m bench.photo_server WIDTH HEIGHT

Serves /<host>/<n>.jpg on 127.0.0.1 from memory: a few different photos, each under many names. Prints its port.
"""

from __future__ import annotations

import io
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

DIFFERENT = 20


def photo(n: int, width: int, height: int) -> bytes:
    """A JPEG about as hard to decode as a photo: soft shapes and some noise."""
    rng = np.random.default_rng(n % DIFFERENT)
    soft = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), "RGB").resize((width, height))
    noisy = np.asarray(soft, np.int16) + rng.integers(-12, 13, (height, width, 1), dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8), "RGB").save(out, "JPEG", quality=88)
    return out.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Keeps connections open for whoever wants to use them again."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    photos: list[bytes] = []  # noqa: RUF012

    def do_GET(self) -> None:
        """The photo of the number in the path."""
        data = self.photos[int(self.path.rpartition("/")[2].partition(".")[0]) % DIFFERENT]
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 512


def main() -> None:
    width, height = map(int, sys.argv[1:3])
    Handler.photos = [photo(n, width, height) for n in range(DIFFERENT)]
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
