# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Variables go from one file to another.
# All that belongs into a report of a bug, as one text. It holds addresses, MACs and names of guests. Whatever may hold
# other things, as the kernel log, XenStore and the trace, is shown by what is known to be xlnet's and no secret; the
# kernel's other tables are not shown but for the route tables.

readonly ALLOWED_NODES='(version|features|mac|addr|own|why|traffic/[0-9]+)'
readonly ALLOWED_OF_VIF='(mac|bridge|ip|rate|vlan|script|vifname|type|handle|state|online)'

# report
report() {
	echo "xl-status --report, $(date -u +%Y-%m-%dT%H:%M:%SZ)"
	read_"$domain"
	versions
	section "xl-status"
	"${domain}_text"
	section "xl-status --json"
	"${domain}_json"
	printf '%s\n' "$REPLY"
	section "What was decided: the kernel log of xlnet and xldiscovery"
	own_log
	section "What was decided: xlnet's tracepoints, where they are on"
	own_trace
	report_"$domain"
}

# section TITLE
section() {
	printf '\n==== %s\n' "$1"
}

# run COMMAND…: what it prints, and its status if it fails
run() {
	printf '\n==== %s\n' "$*"
	if [[ ! $(command -v "$1") ]]; then
		echo "(not installed)"
	else
		"$@" 2>&1 || echo "(exit status $?)"
	fi
}

# values FILE…: the first line of each
values() {
	local file
	for file; do
		first_line "$file"
		[[ ! $REPLY ]] || printf '%s: %s\n' "$file" "$REPLY"
	done
}

versions() {
	local file
	section "Versions"
	uname -srvm
	sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null || true
	values /sys/hypervisor/type /sys/hypervisor/version/{major,minor,extra} /sys/hypervisor/guest_type
	values /sys/module/{xlnet,xldiscovery}/{version,srcversion,taint} /proc/sys/kernel/tainted
	values /sys/module/xlnet/parameters/{nic,idle_poll,grants,avoid} /sys/module/xldiscovery/parameters/nic
	ip -V
	ethtool --version 2>/dev/null || true
	# shellcheck disable=SC2016 # dpkg-query's own words.
	dpkg-query -W -f '${Package} ${Version} ${Status}\n' 'xlnet-*' 2>/dev/null || true
}

own_log() {
	local line='(<[0-9]+>)?(\[[^]]*\] ?)?'
	dmesg 2>&1 | grep -aE "^$line(xlnet|xldiscovery|xl0): |^dmesg: " || echo "(none)"
	# What belongs to these may hold other things: whoever reports may look.
	printf 'lines of BUG, WARNING and Oops in the whole log: %s\n' \
		"$(dmesg 2>/dev/null | grep -acE "^$line(BUG|WARNING|Oops|general protection fault)\b" || true)"
}

own_trace() {
	local directory
	for directory in /sys/kernel/tracing /sys/kernel/debug/tracing; do
		if [[ -r $directory/events/xlnet/enable ]]; then
			values "$directory/events/xlnet/enable"
			grep -aE ': xlnet_(handshake|action|route): ' "$directory/trace" || echo "(none)"
			return
		fi
	done
	echo "(no tracefs is mounted, or xlnet is not loaded)"
}

report_guest() {
	local device i
	run cat "$ADDRESSES"
	run ip rule
	run ip route show table xlnet
	run ip route show table main
	run ip -6 rule
	for i in xlnet xlnet-replies main; do
		run ip -6 route show table "$i"
	done
	run ip nexthop
	for i in "${address[@]}"; do
		run ip route get "$i"
	done
	run ip -br address show
	for device in xl0 ${nic:+"$nic"}; do
		run ip -s -d link show dev "$device"
		for i in i k l g c; do
			run ethtool -$i "$device"
		done
	done
	run ethtool -S xl0
	[[ ! $nic ]] || run ip neigh show dev "$nic"
	section "Interrupts"
	grep -E '^ +CPU|xl0|xlnet' /proc/interrupts || true
	section "XenStore, without what names channels"
	nodes '' data/xlnet xlnet
}

report_dom0() {
	local guest
	section "xl-status traffic"
	traffic_text
	run xl-policy show
	run bridge -d link
	run bridge vlan
	run tc qdisc show
	run ip -br link
	section "XenStore, without what names channels"
	for guest in "${guests[@]}"; do
		nodes /local/domain/ "$guest/data/xlnet" "$guest/xlnet"
	done
	xenstore-ls -f /local/domain/0/backend/vif 2>/dev/null | grep -aE "/[0-9]+/[0-9]+/$ALLOWED_OF_VIF = " || true
	xenstore-ls -f /local/domain/0/xlnet 2>/dev/null || true
}

# nodes ABOVE PATH…: what is below there in XenStore and known to be harmless. By a nonce, or an offer, a peer is known.
nodes() {
	local path
	for path in "${@:2}"; do
		xenstore-ls -f "$1$path" 2>/dev/null | grep -aE "^$1$path/(peer/[0-9]+|(peer/[0-9]+/)?$ALLOWED_NODES) = " |
			sed -E 's/ nonce=[0-9a-f]*//' || true
	done
}
