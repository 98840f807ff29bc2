"""Builds the wheel and the source archive with the standard library only, so that a build needs no network.

The package is pure Python without dependencies. Its wheel is a zip archive of the sources and three small files.
"""

import base64
import hashlib
import io
import pathlib
import re
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = "crucible_queue"
# The earliest time a zip archive can hold, so that equal sources give equal bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _write_wheel(wheel_directory, _sources())


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    path = f"{ROOT}\n".encode()
    return _write_wheel(wheel_directory, [(f"{PACKAGE}.pth", path)])


def build_sdist(sdist_directory, config_settings=None):
    base = f"{PACKAGE}-{_field('version')}"
    name = f"{base}.tar.gz"
    files = [("pyproject.toml", (ROOT / "pyproject.toml").read_bytes()), ("PKG-INFO", _metadata())]
    files += [("README.md", (ROOT / "README.md").read_bytes())]
    files += [("build_backend/backend.py", pathlib.Path(__file__).read_bytes())] + _sources()
    with tarfile.open(pathlib.Path(sdist_directory) / name, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files:
            entry = tarfile.TarInfo(f"{base}/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return name


def _write_wheel(directory, contents):
    base = f"{PACKAGE}-{_field('version')}"
    info = f"{base}.dist-info"
    name = f"{base}-py3-none-any.whl"
    tags = b"Wheel-Version: 1.0\nGenerator: crucible-queue\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = [*contents, (f"{info}/METADATA", _metadata()), (f"{info}/WHEEL", tags)]
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in files)
    files.append((f"{info}/RECORD", f"{record}{info}/RECORD,,\n".encode()))
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files:
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return name


def _sources():
    paths = sorted(path for path in (ROOT / PACKAGE).rglob("*") if path.suffix in (".py", ".typed"))
    return [(path.relative_to(ROOT).as_posix(), path.read_bytes()) for path in paths]


def _metadata():
    fields = {
        "Metadata-Version": "2.1",
        "Name": _field("name"),
        "Version": _field("version"),
        "Summary": _field("description"),
        "Requires-Python": _field("requires-python"),
        "License": "Apache-2.0",
        "Description-Content-Type": "text/markdown",
    }
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return f"{head}\n{(ROOT / 'README.md').read_text(encoding='utf-8')}".encode()


def _field(name):
    """Reads a string of `[project]`. Python 3.9 has no TOML reader."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(rf'^{re.escape(name)} = "(.*)"$', text.partition("[project]")[2], re.MULTILINE)
    if match is None:
        raise ValueError(f"pyproject.toml has no {name}")
    return match.group(1)


def _digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
