"""Greets whomever the input names."""

import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Greeter(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open between requests
    wbufsize = -1  # head and body leave in one packet, so the caller's delayed acknowledgement costs nothing

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        answer = b"Hello, " + self.rfile.read(length) + b"!"
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Writes no line per request."""


# Main processes of a container ignore SIGTERM unless they say otherwise.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

server = ThreadingHTTPServer(("", 8080), Greeter)
print("meca-init-done", flush=True)  # the socket listens from the constructor on
server.serve_forever()
