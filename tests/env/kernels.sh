# shellcheck shell=sh disable=SC2034
# The kernels that the modules are built for; docs/kernels.md says how one is added.

# Linux versions, the newest first.
SERIES="7.3 7.2"
# Debian's releases that have them, each with compilers of its own. Unless told otherwise, tools take the newest
# kernel of the first.
RELEASES="trixie forky"

# series_of KERNEL: 7.3 for 7.3.4+deb13-amd64
series_of() {
	echo "$1" | cut -d. -f1,2
}

# release_of KERNEL: the release whose compilers built it, or a failure for what is not Debian's plain kernel.
release_of() {
	case $1 in
	*+deb13-amd64) echo trixie ;;
	*+deb14-amd64) echo forky ;;
	*) return 1 ;;
	esac
}

# supported KERNEL: whether it is one of those
supported() {
	release_of "$1" >/dev/null && echo " $SERIES " | grep -qF " $(series_of "$1") "
}

# packages_of KERNEL: where its packages are kept once they were fetched. One name has one build at a time in the
# archive; whichever was there, its parts belong together.
packages_of() {
	echo "$XLNET_CACHE/kernel-packages-$1"
}
