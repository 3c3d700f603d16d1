"""Servers on the loopback that send the frames of `videos` live: by HTTP, and by RTSP."""

from __future__ import annotations

import io
import socket
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av

from videos import SIZE, image


def transport_stream(first, last):
    """An MPEG transport stream of the frames ``first`` to ``last`` - 1, each whole by itself."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.gop_size = 1
        stream.bit_rate = 10**7
        for index in range(first, last):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image(index), format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


@contextmanager
def http_video(*connections, length=None):
    """Serve each connection the next of some iterables of bytes, then refuse.

    Yields:
        the address, and the list of connections served so far.
    """
    served = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            number = len(served)
            served.append(self.headers)
            if number >= len(connections):
                self.send_error(503)
                return
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            if length is None:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            try:
                for part in connections[number]:
                    if length is None:
                        part = b"%x\r\n%s\r\n" % (len(part), part)
                    self.wfile.write(part)
                    self.wfile.flush()
                if length is None:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:  # whoever read has gone
                pass

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/live", served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def rtsp_video(*plays):
    """Serve transport streams by RTSP over TCP: the next one at each PLAY, then the end.

    Yields:
        the address.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    remaining = list(plays)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                _serve_one(connection, remaining)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"rtsp://user:secret@127.0.0.1:{listener.getsockname()[1]}/front"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _serve_one(connection, remaining):
    sdp = (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=clip\r\nt=0 0\r\n"
        "m=video 0 RTP/AVP 33\r\na=control:track0\r\n"
    )
    with connection.makefile("rwb") as file:
        while True:
            head = []
            while (line := file.readline()) not in (b"\r\n", b""):
                head.append(line.decode())
            if not head:
                return
            method = head[0].split()[0]
            number = next(line.split(":")[1].strip() for line in head if "cseq" in line.lower())
            reply = [f"RTSP/1.0 200 OK\r\nCSeq: {number}"]
            body = ""
            if method == "OPTIONS":
                reply.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
            elif method == "DESCRIBE":
                body = sdp
                reply += ["Content-Type: application/sdp", f"Content-Length: {len(sdp)}"]
            elif method == "SETUP":
                reply += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
            else:
                reply.append("Session: 1")
            file.write(("\r\n".join(reply) + "\r\n\r\n" + body).encode())
            file.flush()
            if method == "PLAY":
                if remaining:
                    _send(file, remaining.pop(0))
                return
            if method == "TEARDOWN":
                return


def _send(file, stream):
    for number, start in enumerate(range(0, len(stream), 7 * 188)):
        packet = struct.pack(">BBHII", 0x80, 33, number, 3600 * number, 7)
        packet += stream[start : start + 7 * 188]
        file.write(b"$\0" + struct.pack(">H", len(packet)) + packet)
    file.flush()
