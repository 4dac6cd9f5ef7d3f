"""What the tests of tests/env share: a directory with copies of scripts, some replaced by stand-ins."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ENV = pathlib.Path(__file__).resolve().parent.parent


class ScriptTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.top = pathlib.Path(directory.name)
        self.cache = self.top / "cache"
        self.cache.mkdir()

    def copy(self, *names):
        for name in names:
            shutil.copy(ENV / name, self.top / name)

    def write(self, path, text="", mode=0o644):
        path = self.top / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def run_script(self, script, *arguments, **environment):
        """Returns what it printed, for programs and for people, and its status."""
        done = subprocess.run(
            ["sh", "-eu", str(script), *map(str, arguments)],
            env={"PATH": os.environ["PATH"], "XLNET_CACHE": str(self.cache), **environment},
            capture_output=True,
            text=True,
        )
        return done.stdout.strip(), done.stderr.strip(), done.returncode

    def assert_refused(self, answer, *words):
        """It failed with one message, which has these words."""
        out, told, status = answer
        self.assertNotEqual(status, 0)
        self.assertEqual(out, "")
        self.assertEqual(len(told.splitlines()), 1, told)
        for word in words:
            self.assertIn(word, told)
