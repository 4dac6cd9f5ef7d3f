# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Variables go from one file to another.
# What a guest knows of xl0 and its peers, in variables. Needs common.bash.

readonly ADDRESSES=/sys/kernel/debug/xlnet/addresses
readonly HASHED='the one pair of addresses in 65536 that the kernel leaves there'

# By name, what ethtool -S xl0 shows, and the domain ids of the peers that it has figures for.
declare -A statistics=()
declare -a peers=()

# read_statistics: fails if there is no xl0
read_statistics() {
	local text line
	statistics=() peers=()
	text=$(ethtool -S xl0 2>/dev/null) || return 1
	split "$text"
	for line in "${lines[@]}"; do
		[[ $line =~ ^\ *([a-z0-9_]+):\ ([0-9]+)$ ]] || continue
		statistics[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
		if [[ ${BASH_REMATCH[1]} =~ ^peer([0-9]+)_tx_packets$ ]]; then
			peers+=("${BASH_REMATCH[1]}")
		fi
	done
}

# peer_state DOMID: what the driver's counters say about the channel to a peer, in $REPLY
peer_state() {
	if [[ ${statistics[peer$1_connected]:-0} = 1 ]]; then
		REPLY=connected
	elif [[ ${statistics[peer$1_broken]:-0} != 0 ]]; then
		# The peer wrote what no honest peer writes; the reason is in the kernel log.
		REPLY=broken
	else
		REPLY=connecting
	fi
}

# Each address of each peer: whose it is, whether packets to it take `xl0` or the `nic`, and why that.
declare -a address address_peer address_path address_reason

# read_addresses: as the driver says; fails if that cannot be read
read_addresses() {
	local line who place
	address=() address_peer=() address_path=() address_reason=()
	[[ -r $ADDRESSES ]] || return 1
	while read -r line _ who place; do
		address+=("$line") address_peer+=("$who")
		if [[ $place = xl0 ]]; then
			address_path+=(xl0) address_reason+=('')
		else
			address_path+=(nic) address_reason+=("${place#nic: }")
		fi
	done <"$ADDRESSES"
}

# ask_kernel: where the kernel sends what the driver says is on xl0. The routes' next hops divide pairs of addresses by
# their hash.
ask_kernel() {
	local i
	for i in "${!address[@]}"; do
		[[ ${address_path[i]} = xl0 && $(ip route get "${address[i]}" 2>/dev/null) != *' dev xl0 '* ]] || continue
		address_path[i]=nic address_reason[i]=$HASHED
	done
}

# both_families COMMAND…: what ip says of IPv4, and of IPv6 if there is such
both_families() {
	ip "$@" 2>/dev/null || true
	ip -6 "$@" 2>/dev/null || true
}

# read_nic: the device that the routes' other next hops lead to, or that was named as a parameter, in $nic; whether
# there are such routes, in $routed
read_nic() {
	local line
	nic='' routed=''
	split "$(both_families route show table xlnet)"
	for line in "${lines[@]}"; do
		if [[ $line =~ nexthop\ dev\ ([^ ]+) && ${BASH_REMATCH[1]} != xl0 ]]; then
			nic=${BASH_REMATCH[1]} routed=yes
			return
		fi
	done
	first_line /sys/module/xlnet/parameters/nic
	[[ $REPLY = '(null)' ]] || nic=$REPLY
}

# read_rules: rules that name the NIC as output, and so do not see what goes to peers, in the array `rules`
read_rules() {
	local tool
	rules=()
	[[ $routed ]] || return 0
	split "$({
		nft list ruleset 2>/dev/null | grep -aE "(oif|oifname) (!= )?(\"$nic\"|\{[^}]*\"$nic\")" |
			sed 's/^[[:blank:]]*/nft: /'
		for tool in iptables ip6tables; do
			$tool-save 2>/dev/null | grep -aE -- "(^| )-o $nic( |\$)" | sed "s/^/$tool: /"
		done
		tc filter show dev "$nic" egress 2>/dev/null | sed -n '1s/^/tc egress: /p'
	} | sort -u)"
	# A comment in a rule may hold anything.
	rules=("${lines[@]//[!\ -~]/?}")
}

# read_guest: all of it, and what is wrong, in the array `problems`; the exit status that xl-status has, in $status
read_guest() {
	local i
	problems=() status=0 loaded='' device='' up='' why='' nic='' rules=() readable=''
	first_line /sys/module/xlnet/version
	version=$REPLY
	guest_name=$(store name)
	[[ ! -e /sys/module/xlnet ]] || loaded=yes
	if [[ ! -e /sys/class/net/xl0 ]] || ! read_statistics; then
		problems+=("xl0 is not there")
		status=1
		return
	fi
	device=yes
	first_line /sys/class/net/xl0/flags
	# IFF_UP
	(((REPLY & 1) == 0)) || up=yes
	why=$(store xlnet/why)
	! read_addresses || readable=yes
	ask_kernel
	read_nic
	read_rules
	[[ $up ]] || problems+=("xl0 is down")
	[[ ! $why ]] || problems+=("dom0 says that this guest meets nobody: $why")
	for i in "${peers[@]}"; do
		peer_state "$i"
		[[ $REPLY != broken ]] || problems+=("the channel to domain $i is broken")
	done
	for i in "${!address[@]}"; do
		case ${address_path[i]}:${address_reason[i]} in
		xl0:* | nic:"$HASHED" | nic:*'(avoid=)') ;;
		# Nobody here talks to it, or there is no room for it.
		nic:'no channel, as nothing is sent to it' | nic:'asked dom0 for a channel'*) ;;
		# Nobody here could.
		nic:'this guest advertises no address of its family') ;;
		*) problems+=("${address[i]} of domain ${address_peer[i]} is on the NIC: ${address_reason[i]}") ;;
		esac
	done
	[[ ${#problems[@]} = 0 ]] || status=1
	for i in "${rules[@]}"; do
		problems+=("a rule does not see what goes to peers: $i")
		status=3
	done
}
