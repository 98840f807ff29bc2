"""Calls on artifacts, the files of tasks."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import unicodedata
from typing import Any, Callable, Dict, List, Optional, Protocol, Union

from .downloads import Download
from .errors import ConnectionFailed
from .models import Artifact
from .steering import Request, list_of, path_to
from .transport import SLOWEST_RATE, Upload

#: A file, or the bytes themselves.
Source = Union[str, "os.PathLike[str]", bytes]

#: Opens a download.
Open = Callable[..., Download]

#: Seconds that every upload has.
SHORTEST_UPLOAD = 30.0


class Held(Protocol):
    """A held task and the lease that holds it."""

    @property
    def eval_id(self) -> str: ...

    @property
    def lease_id(self) -> str: ...


class ArtifactCalls:
    """Calls on artifacts, the files of tasks."""

    def __init__(self, request: Request, open_download: Open) -> None:
        self._request = request
        self._open = open_download

    def put(
        self, held: Held, source: Source, name: Optional[str] = None, *, content_type: Optional[str] = None
    ) -> Artifact:
        """Stores a file, or bytes with a name, under the lease of its task. Returns when it is durable.

        Raises LeaseLost, ApiError, OSError for a file that cannot be read, and ValueError for bytes without a name.
        """
        upload = _upload_of(source)
        if name is None:
            if isinstance(source, bytes):
                raise ValueError("Bytes need a name")
            name = os.path.basename(os.fspath(source))
        answer: Artifact = self._request(
            "PUT",
            path_to("tasks", held.eval_id, "artifacts", name),
            upload=upload,
            headers={
                "X-Lease-Id": held.lease_id,
                "Content-Type": content_type or "application/octet-stream",
                **_digest_of(source),
            },
            timeout=SHORTEST_UPLOAD + upload.size / SLOWEST_RATE,
            read=Artifact.from_json,
        )
        return answer

    def list(self, eval_id: str) -> List[Artifact]:
        """Returns the artifacts of a task, by name."""
        path = path_to("tasks", eval_id, "artifacts")
        answer: List[Artifact] = self._request("GET", path, read=list_of(Artifact, "artifacts"))
        return answer

    def __call__(self, eval_id: str) -> List[Artifact]:
        """The same as :meth:`list`."""
        return self.list(eval_id)

    def download(self, eval_id: str, name: str, **options: Any) -> Download:
        """Opens a download. A redirect to another server is followed without the key.

        ``client.artifacts.download("eval-1", "report.html").save("report.html")`` streams it to a file. The call is
        repeated until the first byte; a download that breaks off later raises ConnectionFailed. Raises NotFound, ApiError.
        """
        opened = self._open(name, path_to("tasks", eval_id, "artifacts", name), **options)
        if opened.sha256 is None:
            # Another server has the bytes, or a proxy has removed the digest.
            try:
                opened.sha256 = self._listed_digest(eval_id, name)
            except BaseException:
                opened.close()
                raise
        return opened

    def _listed_digest(self, eval_id: str, name: str) -> str:
        """Raises ConnectionFailed when the artifact is gone."""
        # The service keeps names in this form.
        kept = unicodedata.normalize("NFC", name)
        for each in self.list(eval_id):
            if each.name == kept:
                return each.sha256
        raise ConnectionFailed(f"The artifact {name!r} of task {eval_id} was removed meanwhile")


def _digest_of(source: Source) -> Dict[str, str]:
    """A digest of bytes in memory, so that the service refuses bytes that changed in transit."""
    if not isinstance(source, bytes):
        return {}
    digest = base64.b64encode(hashlib.sha256(source).digest()).decode()
    return {"Content-Digest": f"sha-256=:{digest}:"}


def _upload_of(source: Source) -> Upload:
    if isinstance(source, bytes):
        content = source
        return Upload(len(content), lambda: io.BytesIO(content))
    path = os.fspath(source)
    return Upload(os.stat(path).st_size, lambda: open(path, "rb"))
