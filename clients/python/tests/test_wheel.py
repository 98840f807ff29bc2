import base64
import hashlib
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "build_backend"))

import backend  # noqa: E402


class WheelTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_is_built_without_a_network_and_works_where_the_sources_are_not(self):
        wheel = pathlib.Path(self.folder) / backend.build_wheel(self.folder)
        script = f"import sys; sys.path.insert(0, {str(wheel)!r}); import crucible_queue; print(crucible_queue.__file__)"
        printed = subprocess.check_output([sys.executable, "-I", "-c", script], cwd=self.folder, text=True)
        self.assertIn(str(wheel), printed)

    def test_records_the_digest_of_each_file(self):
        wheel = pathlib.Path(self.folder) / backend.build_wheel(self.folder)
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            [record] = [name for name in names if name.endswith("/RECORD")]
            lines = archive.read(record).decode().splitlines()
            self.assertEqual([line.split(",")[0] for line in lines], names)
            for name, digest, size in (line.split(",") for line in lines[:-1]):
                content = archive.read(name)
                expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                self.assertEqual((digest, int(size)), (f"sha256={expected}", len(content)))
        self.assertIn("crucible_queue/py.typed", names)

    def test_is_built_from_the_source_archive_too(self):
        archive = pathlib.Path(self.folder) / backend.build_sdist(self.folder)
        with tarfile.open(archive) as sources:
            sources.extractall(self.folder)
        [unpacked] = [path for path in pathlib.Path(self.folder).iterdir() if path.is_dir()]
        script = "import backend, sys; print(backend.build_wheel(sys.argv[1]))"
        command = [sys.executable, "-c", script, self.folder]
        printed = subprocess.check_output(command, cwd=unpacked / "build_backend", text=True)
        self.assertTrue((pathlib.Path(self.folder) / printed.strip()).exists())
