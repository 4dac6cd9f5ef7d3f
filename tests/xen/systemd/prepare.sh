# shellcheck shell=sh
# Shared by the scripts that make a root file system in which systemd is the first process.

# prepare_systemd ROOT LIST…: nothing is to be brought up to date at the first boot, the units that the LISTs name,
# which take time at each boot and serve nothing here, are masked, and no journal is kept.
prepare_systemd() {
	root=$1
	shift
	# shellcheck disable=SC2046 # a list of words
	chroot "$root" systemctl mask $(cat "$@")
	mkdir -p "$root/etc/systemd/journald.conf.d"
	printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
	touch "$root/etc/.updated" "$root/var/.updated"
}
