"""Downloads that are read block by block and checked against their digest."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import uuid
from types import TracebackType
from typing import Callable, Iterator, Optional, Type, Union

from .errors import ConnectionFailed, UnexpectedAnswer

BLOCK = 1024 * 1024
_DIGEST = re.compile(r'"([0-9a-f]{64})"')


class Download:
    """An open download. Read it to its end, or close it; ``with`` does the latter.

    The read that reaches the end checks the digest. A read raises :class:`ConnectionFailed` for an incomplete download,
    and :class:`UnexpectedAnswer`, which is one, for bytes that do not match their digest.
    """

    def __init__(
        self, name: str, response: http.client.HTTPResponse, origin: str, finish: Callable[[bool], None]
    ) -> None:
        self.name = name
        #: In bytes, if the server has announced it.
        self.size: Optional[int] = response.length
        self.content_type: str = response.getheader("Content-Type") or "application/octet-stream"
        #: In hexadecimal digits; that of the service's answer, and None in the answer of another server.
        self.sha256: Optional[str] = _digest_in(response.getheader("ETag"))
        self._response = response
        self._origin = origin
        self._finish = finish
        self._hash = hashlib.sha256()
        self._is_whole = False
        self._is_closed = False

    def read(self, size: int = -1) -> bytes:
        """Returns at most ``size`` bytes, by default the rest; ``b""`` at the end."""
        if size < 0:
            return b"".join(self)
        if self._is_whole or size == 0:
            return b""
        if self._is_closed:
            raise ValueError("The download is closed")
        try:
            block = self._response.read(size)
            if not block and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            reason = error if isinstance(error, OSError) and str(error) else type(error).__name__
            raise ConnectionFailed(f"The download of {self.name!r} from {self._origin} broke off: {reason}") from error
        self._hash.update(block)
        if not block or self._response.isclosed():
            self._end()
        return block

    def __iter__(self) -> Iterator[bytes]:
        """Yields the rest in blocks of up to 1 MiB."""
        while True:
            block = self.read(BLOCK)
            if not block:
                return
            yield block

    def save(self, to: Union[str, "os.PathLike[str]"]) -> str:
        """Saves the rest as a file, or under its name in a folder; returns the path. Replaces a file of this name.

        Writes to a temporary file beside it, so the file is never incomplete. Raises OSError too.
        """
        with self:
            path = os.fspath(to)
            if os.path.isdir(path):
                path = os.path.join(path, _file_name(self.name))
            part = f"{path}.{uuid.uuid4().hex}.part"
            try:
                with open(part, "xb") as file:
                    for block in self:
                        file.write(block)
                os.replace(part, path)
            except BaseException:
                if os.path.exists(part):
                    os.remove(part)
                raise
        return path

    def close(self) -> None:
        """Closes the connection, unless the download is complete."""
        if not self._is_closed:
            self._is_closed = True
            self._finish(self._is_whole)

    def __enter__(self) -> "Download":
        return self

    def __exit__(
        self,
        _kind: Optional[Type[BaseException]],
        _error: Optional[BaseException],
        _traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def _end(self) -> None:
        if self._hash.hexdigest() != self.sha256:
            self.close()
            message = f"The bytes of {self.name!r} from {self._origin} do not match their digest"
            raise UnexpectedAnswer(message, self._response.status)
        self._is_whole = True
        self.close()


def _digest_in(etag: Optional[str]) -> Optional[str]:
    found = _DIGEST.fullmatch(etag or "")
    return found.group(1) if found else None


def _file_name(name: str) -> str:
    """Raises ValueError for a name that leads out of the folder."""
    if name in (".", "..") or any(each in name for each in "/\\\0"):
        raise ValueError(f"{name!r} is not a file name")
    return name
