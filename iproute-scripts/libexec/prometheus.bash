# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Variables go from one file to another.
# What guest.bash and dom0.bash found, as text for Prometheus. xl-status(8) has the names and labels.

# metric NAME TYPE HELP
metric() {
	printf '# HELP %s %s\n# TYPE %s %s\n' "$1" "$3" "$1" "$2"
}

# sample NAME VALUE [LABEL TEXT]…; nothing where the value is no number
sample() {
	local name=$1 value=$2 labels=''
	is_number "$value" || return 0
	shift 2
	while (($#)); do
		quoted "$2"
		labels+=${labels:+,}$1=$REPLY
		shift 2
	done
	printf '%s%s %s\n' "$name" "${labels:+{$labels\}}" "$value"
}

# head_metrics MODULE LOADED
head_metrics() {
	metric xlnet_module_info gauge "The module of this domain that is loaded."
	[[ ! $2 ]] || sample xlnet_module_info 1 module "$1" version "$version"
	metric xlnet_module_loaded gauge "Whether the module of this domain is loaded."
	sample xlnet_module_loaded $((${#2} > 0)) module "$1"
	metric xlnet_status gauge "The exit status of xl-status: 0 if all is as it should be."
	sample xlnet_status "$status"
	metric xlnet_problems gauge "How many things keep guests off xl0 that an administrator should know of."
	sample xlnet_problems ${#problems[@]}
}

# device_metric NAME TYPE STATISTIC HELP
device_metric() {
	metric "$1" "$2" "$4"
	sample "$1" "${statistics[$3]:-}"
}

# peer_metric NAME TYPE STATISTIC HELP: one for each peer
peer_metric() {
	local peer
	metric "$1" "$2" "$4"
	for peer in "${peers[@]}"; do
		sample "$1" "${statistics[peer${peer}_$3]:-}" peer "$peer"
	done
}

# guest_metrics: after read_guest
guest_metrics() {
	local i
	head_metrics xlnet "$loaded"
	metric xlnet_device_up gauge "Whether xl0 is up."
	sample xlnet_device_up $((${#up} > 0))
	metric xlnet_meets_nobody gauge "Whether dom0 says that this guest meets nobody."
	sample xlnet_meets_nobody $((${#why} > 0))
	metric xlnet_bypassed_rules gauge "Firewall rules that do not see what goes to peers."
	sample xlnet_bypassed_rules ${#rules[@]}
	device_metric xlnet_peers gauge peers "Guests that this one was introduced to."
	device_metric xlnet_channels gauge channels "Peers to which there is a channel."
	device_metric xlnet_broken_channels gauge broken_channels "Channels that are broken."
	device_metric xlnet_fallback_packets_total counter fallback_packets \
		"Packets that reached xl0 and were sent through the NIC."
	device_metric xlnet_transmit_drop_total counter tx_drops "Packets that were dropped on their way out."
	device_metric xlnet_receive_drop_total counter rx_drop_nic "Packets that were dropped as the NIC could take none."
	peer_metric xlnet_peer_connected gauge connected "Whether there is a channel to the peer."
	peer_metric xlnet_peer_queue_pairs gauge queue_pairs "Queue pairs of the channel to the peer."
	peer_metric xlnet_peer_broken_total counter broken "Channels to the peer that broke."
	peer_metric xlnet_peer_stalled_total counter stalled "Channels to the peer that ended as it left what was sent."
	peer_metric xlnet_peer_transmit_packets_total counter tx_packets "Packets sent to the peer through xl0."
	peer_metric xlnet_peer_transmit_bytes_total counter tx_bytes "Bytes sent to the peer through xl0."
	peer_metric xlnet_peer_receive_packets_total counter rx_packets "Packets received from the peer through xl0."
	peer_metric xlnet_peer_receive_bytes_total counter rx_bytes "Bytes received from the peer through xl0."
	metric xlnet_address_on_xl0 gauge "Whether packets to this address of the peer's take xl0."
	for i in "${!address[@]}"; do
		if [[ ${address_path[i]} = xl0 ]]; then REPLY=1; else REPLY=0; fi
		sample xlnet_address_on_xl0 $REPLY peer "${address_peer[i]}" address "${address[i]}"
	done
}

# guest_metric NAME TYPE HELP FUNCTION: one for each guest that runs xlnet; the function leaves its value in $REPLY
guest_metric() {
	local guest value
	metric "$1" "$2" "$3"
	for guest in "${guests[@]}"; do
		"$4" "$guest"
		value=$REPLY
		name "$guest"
		sample "$1" "$value" domid "$guest" guest "$REPLY"
	done
}

meets_nobody() { REPLY=$((${#tree[$1/xlnet/why]} > 0)); }
may_meet() { guest_facts "$1" && count "$guest_peers"; }
kept_apart() { count "${apart[$1]:-}"; }
# count WORDS
count() {
	# shellcheck disable=SC2086 # Words are wanted.
	set -- $1
	REPLY=$#
}

# pair_metric NAME NUMBER HELP: one for each pair, of that number of those that `exchanged` hands over
pair_metric() {
	local number=$2
	metric "$1" counter "$3"
	metric_name=$1
	exchanged pair_sample
}

# pair_sample FROM TO NUMBER…
pair_sample() {
	local from to value=${*:number:1}
	name "$1"
	from=$REPLY
	name "$2"
	to=$REPLY
	sample "$metric_name" "$value" from_domid "$1" from "$from" to_domid "$2" to "$to"
}

# dom0_metrics: after read_dom0
dom0_metrics() {
	local metric_name
	head_metrics xldiscovery "$loaded"
	metric xlnet_guests gauge "Guests that run xlnet."
	sample xlnet_guests ${#guests[@]}
	guest_metric xlnet_guest_meets_nobody gauge "Whether something keeps the guest from all others." meets_nobody
	guest_metric xlnet_guest_peers gauge "Guests that the guest was introduced to." may_meet
	guest_metric xlnet_guest_kept_apart gauge "Guests that the guest would meet but for what is between the two." \
		kept_apart
	pair_metric xlnet_pair_sent_packets_total 3 "Packets that the one guest says it sent to the other through xl0."
	pair_metric xlnet_pair_sent_bytes_total 4 "Bytes that the one guest says it sent to the other through xl0."
	pair_metric xlnet_pair_received_packets_total 5 "Packets that the other guest says it received from the one."
	pair_metric xlnet_pair_received_bytes_total 6 "Bytes that the other guest says it received from the one."
}
