"""Which kernel is chosen, from archives that have this and not that."""

from common import ScriptTest

# What Debian has of kernels that are too old, of other kinds, and not kernels at all.
OTHERS = [
    ("linux-headers-amd64", "7.3.4-1~bpo13+1"),
    ("linux-source-6.12", "6.12.117-1"),
    *((f"linux-{part}-6.12.117+deb13-amd64", "6.12.117-1") for part in ("headers", "base", "modules", "binary")),
    *(
        (f"linux-{part}-7.3.4+deb13-rt-amd64", "7.3.4-1~bpo13+1")
        for part in ("headers", "base", "modules", "binary")
    ),
]
ARCHIVE = """
set -eu
here=$(dirname "$0")
[ "$1" = trixie ] || exit 0
"$here/kernels-in-lists" <"$here/Packages"
"""
POOL = """
. "$(dirname "$0")/lib.sh"
if grep -qx "$1" "$(dirname "$0")/gone"; then
	die "404  Not Found"
fi
mkdir -p "$XLNET_CACHE/kernel-packages-$1"
"""


def kernel(version, debian="-1~bpo13+1", without=()):
    """The packages of one: pairs of a name and a version."""
    series = ".".join(version.split(".")[:2])
    names = [f"linux-{part}-{version}+deb13-amd64" for part in ("headers", "base", "modules", "binary")]
    names = [f"linux-source-{series}", *names]
    return [(name, version + debian) for name in names if not any(part in name for part in without)]


class Choice(ScriptTest):
    def setUp(self):
        super().setUp()
        self.copy("kernel", "kernels", "kernels-in-lists", "kernels.sh", "lib.sh")
        self.write("kernels-in-archive", f"#!/bin/sh{ARCHIVE}", 0o755)
        self.write("kernel-packages", f"#!/bin/sh{POOL}", 0o755)
        self.archive(kernel("7.3.4"), kernel("7.2.12"), kernel("7.2.9"))

    def archive(self, *kernels, gone=()):
        packages = [*OTHERS, *(package for packages in kernels for package in packages)]
        text = "".join(f"Package: {name}\nSource: linux\nVersion: {version}\n\n" for name, version in packages)
        self.write("Packages", text)
        self.write("gone", "\n".join(f"{version}+deb13-amd64" for version in gone))

    def choose(self, **environment):
        return self.run_script(self.top / "kernel", **environment)

    def assert_chosen(self, version):
        chosen, told, status = self.choose()
        self.assertEqual((chosen, status), (f"{version}+deb13-amd64", 0), told)
        self.assertIn(f"kernel {version}+deb13-amd64", told.splitlines()[-1])
        return told

    def test_the_newest(self):
        self.assert_chosen("7.3.4")

    def test_a_newer_one_appears(self):
        self.archive(kernel("7.3.10"), kernel("7.3.9"), kernel("7.2.12"))
        self.assert_chosen("7.3.10")

    def test_one_that_is_too_new_appears(self):
        self.archive(kernel("7.4.1"), kernel("7.3.4"))
        self.assert_chosen("7.3.4")

    def test_the_newest_is_not_there(self):
        self.archive(kernel("7.2.12"), kernel("7.2.9"))
        self.assert_chosen("7.2.12")

    def test_the_newest_is_listed_and_gone(self):
        self.archive(kernel("7.3.4"), kernel("7.2.12"), gone=["7.3.4"])
        told = self.assert_chosen("7.2.12")
        self.assertIn("7.3.4+deb13-amd64 cannot be had", told)

    def test_the_newest_has_no_source(self):
        self.archive(kernel("7.3.4", without=["source"]), kernel("7.2.12"))
        self.assert_chosen("7.2.12")

    def test_the_newest_has_a_source_of_another_version(self):
        self.archive(kernel("7.3.4", without=["source"]), [("linux-source-7.3", "7.3.5-1")], kernel("7.2.12"))
        self.assert_chosen("7.2.12")

    def test_nothing_is_left_but_what_was_fetched(self):
        self.archive()
        for version in ("7.2.9", "7.2.11", "6.12.117"):
            (self.cache / f"kernel-packages-{version}+deb13-amd64").mkdir()
        # That is for other compilers.
        (self.cache / "kernel-packages-7.2.12+deb14-amd64").mkdir()
        self.assert_chosen("7.2.11")

    def test_nothing_is_left(self):
        self.archive()
        self.assert_refused(self.choose(), "none of the kernels", "7.3 7.2")

    def test_all_to_be_tried(self):
        self.assertEqual(
            self.run_script(self.top / "kernels")[0].split(), ["7.3.4+deb13-amd64", "7.2.12+deb13-amd64"]
        )

    def test_one_that_is_asked_for(self):
        wanted = "7.2.9+deb13-amd64"
        self.assertEqual(self.choose(XLNET_KERNEL=wanted), (wanted, "", 0))

    def test_unsupported_ones(self):
        self.write("cache/kernels-trixie", "7.3.4+deb13-amd64 7.3.4-1~bpo13+1\n")
        for wanted in ("6.12.117+deb13-amd64", "7.4.1+deb13-amd64", "7.3.4+deb13-cloud-amd64", "newest"):
            self.assert_refused(
                self.choose(XLNET_KERNEL=wanted),
                f"XLNET_KERNEL={wanted}",
                "7.3 and 7.2",
                "would do: 7.3.4+deb13-amd64",
            )

    def test_one_that_the_archive_does_not_have(self):
        self.assert_refused(self.choose(XLNET_KERNEL="7.3.1+deb13-amd64"), "does not have it any more")
        # Nor is one taken whose source is missing: metadata cannot be made.
        self.archive(kernel("7.3.4", without=["source"]), kernel("7.2.12"))
        self.assert_refused(self.choose(XLNET_KERNEL="7.3.4+deb13-amd64"), "not with its source")
