# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Variables go from one file to another.
# What xl-status and xl-top share. Whoever sources it has `set -f`, as what guests wrote is split into words.

# Bytes, not characters: what is printed of others is checked byte by byte.
LC_ALL=C

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# split TEXT: its lines that are not empty, in the array `lines`. No pipe is read, which bash does byte by byte.
split() {
	local IFS=$'\n'
	# shellcheck disable=SC2206 # Lines become words, and with set -f no patterns.
	lines=($1)
}

# is_number TEXT: whether it is one that bash can count with; guests may have written anything
is_number() {
	[[ $1 =~ ^[0-9]{1,18}$ ]]
}

# quoted TEXT: as JSON and Prometheus quote it, of bytes that both take as they are, and ? for any other; in $REPLY.
# XenStore's tools print nothing else.
quoted() {
	local text=$1
	text=${text//\\/$'\\\\'}
	text=${text//\"/'\"'}
	REPLY="\"${text//[!\ -~]/?}\""
}

# store PATH: a XenStore value, empty if there is none or no tool to read it
store() {
	xenstore-read "$1" 2>/dev/null || true
}

# entry TEXT: what dom0 tells of a peer in one node: MAC address and addresses, in $entry_mac and $entry_addresses
declare entry_mac entry_addresses
entry() {
	local word
	entry_mac='' entry_addresses=''
	for word in $1; do
		case $word in
		mac=*) entry_mac=${word#*=} ;;
		addr=*) entry_addresses+="${entry_addresses:+ }${word#*=}" ;;
		esac
	done
}

# first_line FILE: in $REPLY; empty if it cannot be read
first_line() {
	REPLY=
	[[ ! -r $1 ]] || read -r REPLY <"$1" || true
}

# in_dom0: only dom0 has the toolstack's control device
in_dom0() {
	first_line /proc/xen/capabilities
	[[ $REPLY == *control_d* ]]
}

# whole FILE TEXT: writes it there; nobody ever finds half of it
whole() {
	local part=$1.$$
	# shellcheck disable=SC2064 # This very file.
	trap "rm -f ${part@Q}" EXIT
	if ! printf '%s\n' "$2" >"$part" || ! mv "$part" "$1"; then die "$1 cannot be written"; fi
	trap - EXIT
}

# is_interval TEXT: whether it is a number of seconds that one can wait for
is_interval() {
	[[ $1 =~ ^[0-9]*\.?[0-9]+$ && $1 == *[1-9]* ]]
}
