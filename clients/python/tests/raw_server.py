"""A server that answers with raw bytes."""

import socket
import threading


class RawServer:
    """Answers each connection's first request with the next of these bytes.

    ``drips``: a byte follows every tenth of a second, for ever. ``after`` follows the first answer once its client wants
    something else.
    """

    def __init__(self, answers, *, drips=False, after=b""):
        self._answers = list(answers)
        self._drips = drips
        self._after = after
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self):
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_error):
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self):
        while self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection, self._answers.pop(0)))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection, answer):
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(answer)
                while self._drips and not self._ended.wait(0.1):
                    connection.sendall(b"x")
                if self._after:
                    # A client that reuses this connection would read the answer to the previous call.
                    connection.settimeout(5)
                    if connection.recv(65536):
                        connection.sendall(self._after)
            except OSError:
                pass  # The client has closed the connection.
