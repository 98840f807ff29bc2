import os
import select
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
from typing import List

from crucible_queue import Client

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class TlsServer:
    """Answers each request over TLS. ``hang_up`` closes the connections that are open."""

    def __init__(self, directory: str) -> None:
        key, certificate = os.path.join(directory, "key.pem"), os.path.join(directory, "certificate.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            + ["-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=IP:127.0.0.1"],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.client_context = ssl.create_default_context(cafile=certificate)
        self.opened: List[ssl.SSLSocket] = []
        self._listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hang_up(self) -> None:
        for connection in self.opened:
            connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.opened.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _serve(connection: ssl.SSLSocket) -> None:
        with connection:
            try:
                while connection.recv(65536):
                    connection.sendall(ANSWER)
            except OSError:
                return


class TlsTest(unittest.TestCase):
    def test_calls_share_a_connection_and_outlive_one_that_the_server_closes(self):
        with tempfile.TemporaryDirectory() as directory:
            server = TlsServer(directory)
            self.addCleanup(server.close)
            # No patience: a call that meets the closed connection would fail.
            client = Client(server.url, tls=server.client_context, patience=0)
            for _ in range(3):
                client.request("POST", "/tasks")
            self.assertEqual(len(server.opened), 1)
            idle = client._transport._connections._idle[0].connection.sock
            server.hang_up()
            select.select([idle], [], [])
            for _ in range(3):
                client.request("POST", "/tasks")
            self.assertEqual(len(server.opened), 2)
            client.close()
