"""What is said of kernels' packages and build trees from which, or against which, nothing can be built."""

import pathlib
import subprocess

from common import ENV, ScriptTest

RUSTC = "rustc 1.85.1 (4eb161250 2025-03-15)"
LAYOUTS = pathlib.Path(__file__).parent / "layouts"


class Packages(ScriptTest):
    """kernel-packages-check, with packages that are made here."""

    kernel = "7.3.4+deb13-amd64"

    def setUp(self):
        super().setUp()
        self.write("bin/rustc", f"#!/bin/sh\necho '{RUSTC}'\n", 0o755)
        self.write("bin/gcc-14", "#!/bin/sh\n", 0o755)

    def package(self, name, version, files):
        root = self.top / "package"
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody\nDescription: test\n"
        self.write("package/DEBIAN/control", control)
        for path, text in files.items():
            self.write(f"package/{path}", text)
        command = ["dpkg-deb", "--build", str(root), str(self.top / f"{name}_{version}_all.deb")]
        subprocess.run(command, check=True, capture_output=True)

    def packages(self, rust="CONFIG_RUST=y", source="7.3.4-1", rustc=RUSTC, compiler="x86_64-linux-gnu-gcc-14"):
        config = (
            f'CONFIG_CC_VERSION_TEXT="{compiler} (Debian) 14.2.0"\nCONFIG_RUSTC_VERSION_TEXT="{rustc}"\n{rust}\n'
        )
        self.package("linux-source-7.3", source, {})
        path = f"usr/src/linux-headers-{self.kernel}/.config"
        self.package(f"linux-headers-{self.kernel}", "7.3.4-1", {path: config})

    def check(self):
        path = f"{self.top}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return self.run_script(ENV / "kernel-packages-check", self.kernel, self.top, PATH=path)

    def test_good_ones(self):
        self.packages()
        self.assertEqual(self.check(), ("", "", 0))

    def test_no_rust(self):
        self.packages(rust="# CONFIG_RUST is not set")
        self.assert_refused(self.check(), self.kernel, "has no Rust")

    def test_source_of_another_version(self):
        self.packages(source="7.3.4-2")
        self.assert_refused(self.check(), "the source 7.3.4-2 is not that of kernel", "which is 7.3.4-1")

    def test_another_rustc(self):
        self.packages(rustc="rustc 1.97.1")
        self.assert_refused(self.check(), "was built by rustc 1.97.1", f"here is {RUSTC}")

    def test_another_compiler(self):
        self.packages(compiler="x86_64-linux-gnu-gcc-99")
        self.assert_refused(self.check(), "was built by gcc-99", "build-packages")


class Tree(ScriptTest):
    """check-kdir, with trees that are made here."""

    def setUp(self):
        super().setUp()
        self.rustc = self.write("rustc", f"#!/bin/sh\necho '{RUSTC}'\n", 0o755)

    def tree(self, release="7.3.4", rust="CONFIG_RUST=y", path="kdir"):
        self.write(f"{path}/Makefile")
        config = f'CONFIG_RUSTC_VERSION_TEXT="{RUSTC}"\n{rust}\n'
        self.write(f"{path}/include/config/auto.conf", config)
        self.write(f"{path}/include/config/kernel.release", f"{release}\n")
        self.write(f"{path}/Module.symvers", "0x0\t_RNvC_6kernel4here\tvmlinux\tEXPORT_SYMBOL_GPL\t\n")
        return self.top / path

    def metadata(self, *symbols):
        for file in ("libkernel.rmeta", "libmacros.so"):
            self.write(f"kdir/rust/{file}")
        if symbols:
            text = "".join(f"EXPORT_SYMBOL_RUST_GPL({symbol});\n" for symbol in symbols)
            self.write("kdir/rust/exports_kernel_generated.h", text)

    def check(self, kdir=None, rustc=None):
        return self.run_script(ENV / "check-kdir", kdir or self.top / "kdir", RUSTC=str(rustc or self.rustc))

    def test_nothing_there(self):
        self.assert_refused(self.check(), "no kernel build tree")

    def test_no_rust(self):
        self.tree("6.12.117+deb13-amd64", rust="# CONFIG_RUST is not set")
        self.assert_refused(self.check(), "no CONFIG_RUST=y")

    def test_too_old(self):
        self.tree("6.18.3")
        self.metadata()
        self.assert_refused(self.check(), "Linux 6.18.3", "7.3 and 7.2")

    def test_metadata_of_this_kernel(self):
        self.tree()
        self.metadata("_RNvC_6kernel4here")
        self.assertEqual(self.check(), ("", "", 0))

    def test_metadata_of_another_kernel(self):
        self.tree()
        self.metadata("_RNvC_6kernel4here", "_RNvC_6kernel5other")
        self.assert_refused(self.check(), "1 of the 2 Rust symbols", "_RNvC_6kernel5other")

    def test_another_rustc(self):
        self.tree()
        self.metadata()
        other = self.write("other", "#!/bin/sh\necho rustc 1.97.1\n", 0o755)
        self.assert_refused(self.check(rustc=other), f"was made by {RUSTC}", "is rustc 1.97.1")
        self.assert_refused(self.check(rustc="/nowhere/rustc"), "there is no /nowhere/rustc", RUSTC)

    def test_no_metadata(self):
        remedies = {
            "7.3.4+deb13-amd64": "make modules XLNET_KERNEL=7.3.4+deb13-amd64",
            "7.3.4+deb13-cloud-amd64": "only for kernels that XLNET_KERNEL takes",
            "7.2.0-10-generic": "apt install linux-lib-rust-7.2.0-10-generic",
            "7.2.5-200.fc45.x86_64": "dnf install kernel-devel-7.2.5-200.fc45.x86_64",
            "7.2.5-arch1-1": "pacman -S linux-headers",
            "7.2.5": "make -C",
        }
        for release, remedy in remedies.items():
            self.tree(release)
            self.assert_refused(self.check(), "lacks rust/libkernel.rmeta", remedy)

    def test_layouts_of_distributions(self):
        for layout in sorted(LAYOUTS.glob("*.txt")):
            with self.subTest(layout.stem):
                kdir, release, *entries = layout.read_text().splitlines()
                self.tree(release, path=f"{layout.stem}/{kdir}")
                for entry in entries:
                    path, _, target = entry.partition(" -> ")
                    path = self.top / layout.stem / path
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if target:
                        path.symlink_to(target)
                    elif not path.exists():
                        path.touch()
                self.assertEqual(self.check(self.top / layout.stem / kdir), ("", "", 0))
