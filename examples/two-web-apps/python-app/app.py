"""A web application in its shortest form: says who it is, logs who asked."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Greeter(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"hello from python, pid {os.getpid()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    # BaseHTTPRequestHandler writes one line per request to stderr: the error log of this program.


if __name__ == "__main__":
    port = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", port), Greeter)
    print(f"python app listens on 127.0.0.1:{port}", flush=True)
    server.serve_forever()
