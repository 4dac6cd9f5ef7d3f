# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Variables go from one file to another.
# What guest.bash and dom0.bash found, as JSON. Each function leaves what it made in $REPLY. xl-status(8) has the keys.

# strings TEXT…: an array of strings
strings() {
	local text
	local -a all=()
	for text; do
		quoted "$text"
		all+=("$REPLY")
	done
	array "${all[@]}"
}

# array JSON…
array() {
	local IFS=,
	REPLY="[$*]"
}

# object [KEY TYPE VALUE]…: TYPE is s for a string, which is null if it is empty; n for a number, which is null if it is
# none; b for true, or false if it is empty; j for JSON
object() {
	local out=
	while (($#)); do
		REPLY=null
		case $2 in
		s) [[ ! $3 ]] || quoted "$3" ;;
		n) [[ ! $3 =~ ^(0|[1-9][0-9]*)$ ]] || REPLY=$3 ;;
		b) if [[ $3 ]]; then REPLY=true; else REPLY=false; fi ;;
		j) REPLY=$3 ;;
		esac
		out+="${out:+,}\"$1\":$REPLY"
		shift 3
	done
	REPLY="{$out}"
}

# The layout that xl-status(8) describes; it grows with what old readers cannot ignore.
readonly FORMAT=1

# guest_json: after read_guest
guest_json() {
	local peer i list rule_list problem_list
	local -a all=() of_peer
	for peer in "${peers[@]}"; do
		of_peer=()
		for i in "${!address[@]}"; do
			[[ ${address_peer[i]} = "$peer" ]] || continue
			object address s "${address[i]}" path s "${address_path[i]}" reason s "${address_reason[i]}"
			of_peer+=("$REPLY")
		done
		array "${of_peer[@]}"
		list=$REPLY
		peer_state "$peer"
		object domid n "$peer" state s "$REPLY" queue_pairs n "${statistics[peer${peer}_queue_pairs]:-}" \
			tx_packets n "${statistics[peer${peer}_tx_packets]:-}" tx_bytes n "${statistics[peer${peer}_tx_bytes]:-}" \
			rx_packets n "${statistics[peer${peer}_rx_packets]:-}" rx_bytes n "${statistics[peer${peer}_rx_bytes]:-}" \
			addresses j "$list"
		all+=("$REPLY")
	done
	array "${all[@]}"
	list=$REPLY
	strings "${rules[@]}"
	rule_list=$REPLY
	strings "${problems[@]}"
	problem_list=$REPLY
	object name s xl0 present b "$device" up b "$up" nic s "$nic" \
		channels n "${statistics[channels]:-}" broken_channels n "${statistics[broken_channels]:-}" \
		fallback_packets n "${statistics[fallback_packets]:-}" tx_drops n "${statistics[tx_drops]:-}" \
		rx_drop_nic n "${statistics[rx_drop_nic]:-}"
	object format n $FORMAT domain s guest name s "$guest_name" module s xlnet loaded b "$loaded" version s "$version" \
		status n "$status" problems j "$problem_list" device j "$REPLY" meets_nobody s "$why" \
		addresses_known b "$readable" peers j "$list" bypassed_rules j "$rule_list"
}

# party DOMID: a guest by id and name
party() {
	name "$1"
	object domid n "$1" name s "$REPLY"
}

# one_guest_json DOMID
one_guest_json() {
	local peer may_meet would_meet kept_apart guest_name
	local -a all=()
	guest_facts "$1"
	for peer in $guest_peers; do
		name "$peer"
		guest_name=$REPLY
		told_entry "$1" "$peer"
		# shellcheck disable=SC2086 # A list of addresses.
		strings $entry_addresses
		object domid n "$peer" name s "$guest_name" mac s "$entry_mac" addresses j "$REPLY"
		all+=("$REPLY")
	done
	array "${all[@]}"
	may_meet=$REPLY all=()
	for peer in ${would[$1]:-}; do
		party "$peer"
		all+=("$REPLY")
	done
	array "${all[@]}"
	would_meet=$REPLY all=()
	for peer in ${apart[$1]:-}; do
		name "$peer"
		object domid n "$peer" name s "$REPLY" reason s "${tree[0/xlnet/apart/$1/$peer]}"
		all+=("$REPLY")
	done
	array "${all[@]}"
	kept_apart=$REPLY
	name "$1"
	# shellcheck disable=SC2086 # A list of addresses.
	guest_name=$REPLY && strings $guest_addresses
	object domid n "$1" name s "$guest_name" protocol n "${tree[$1/data/xlnet/version]}" bridge s "$guest_bridge" \
		mac s "$guest_mac" addresses j "$REPLY" meets_nobody s "$guest_why" may_meet j "$may_meet" \
		would_meet j "$would_meet" kept_apart j "$kept_apart"
}

# dom0_json: after read_dom0
dom0_json() {
	local guest list
	local -a all=()
	for guest in "${guests[@]}"; do
		one_guest_json "$guest"
		all+=("$REPLY")
	done
	array "${all[@]}"
	list=$REPLY
	strings "${problems[@]}"
	object format n $FORMAT domain s dom0 module s xldiscovery loaded b "$loaded" version s "$version" \
		status n "$status" problems j "$REPLY" guests j "$list" more_kept_apart b "${tree[0/xlnet/apart/more]:-}"
}

# why_json: after why
why_json() {
	local says=$REPLY one_json
	party "$one"
	one_json=$REPLY
	party "$other"
	object format n $FORMAT one j "$one_json" other j "$REPLY" may_meet b "$meet" says s "$says"
}

# traffic_json: after read_store
traffic_json() {
	local -a all=()
	exchanged pair_json
	array "${all[@]}"
	object format n $FORMAT traffic j "$REPLY"
}

# pair_json FROM TO SENT-PACKETS SENT-BYTES RECEIVED-PACKETS RECEIVED-BYTES: adds one to `all` of traffic_json
pair_json() {
	local from
	party "$1"
	from=$REPLY
	party "$2"
	object from j "$from" to j "$REPLY" sent_packets n "$3" sent_bytes n "$4" \
		received_packets n "$5" received_bytes n "$6"
	all+=("$REPLY")
}
