# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Variables go from one file to another.
# What dom0 knows of the guests that run xlnet, in variables. Needs common.bash.

# By path below /local/domain, what XenStore has about them. What is below data/ is what a guest says.
declare -A tree=()
# All domains; those that advertise themselves.
declare -a domains guests
# By domain id, the ids of: those that it was told of, that it would be told of were there no dry run, that it is kept
# apart from, that it says it exchanged packets with; and of its vifs. The numbers have blanks between them.
declare -A told told_v1 would apart accounts vifs

# read_store
read_store() {
	local line path value id='(0|[1-9][0-9]{0,4})'
	tree=() domains=() guests=() told=() told_v1=() would=() apart=() accounts=() vifs=()
	# One process for all: there may be many guests.
	split "$(xenstore-ls -f /local/domain 2>/dev/null || true)"
	for line in "${lines[@]}"; do
		[[ $line == *' = "'* ]] || continue
		path=${line%%' = "'*}
		path=${path#/local/domain/}
		case $path in
		*/name | */domid | */xlnet/* | 0/backend/vif/*) ;;
		*) continue ;;
		esac
		value=${line#*' = "'}
		tree[$path]=${value%\"}
		if [[ $path =~ ^${id}/(name|domid)$ ]]; then
			[[ " ${domains[*]} " == *" ${BASH_REMATCH[1]} "* ]] || domains+=("${BASH_REMATCH[1]}")
		elif [[ $path =~ ^${id}/data/xlnet/version$ ]]; then
			guests+=("${BASH_REMATCH[1]}")
		elif [[ $path =~ ^${id}/xlnet/peer/${id}$ ]]; then
			told[${BASH_REMATCH[1]}]+="${BASH_REMATCH[2]} "
		elif [[ $path =~ ^${id}/data/xlnet/peer/${id}/nonce$ ]]; then
			told_v1[${BASH_REMATCH[1]}]+="${BASH_REMATCH[2]} "
		elif [[ $path =~ ^${id}/data/xlnet/traffic/${id}$ ]]; then
			accounts[${BASH_REMATCH[1]}]+="${BASH_REMATCH[2]} "
		elif [[ $path =~ ^0/xlnet/dry-run/${id}/${id}$ ]]; then
			would[${BASH_REMATCH[1]}]+="${BASH_REMATCH[2]} "
		elif [[ $path =~ ^0/xlnet/apart/${id}/${id}$ ]]; then
			apart[${BASH_REMATCH[1]}]+="${BASH_REMATCH[2]} "
		elif [[ $path =~ ^0/backend/vif/${id}/${id}/mac$ ]]; then
			vifs[${BASH_REMATCH[1]}]+="${BASH_REMATCH[2]} "
		fi
	done
}

# name DOMID: what a guest is called, in $REPLY
name() {
	REPLY=${tree[$1/name]:-domain $1}
}

# domid GUEST: the domain id of a guest that is given by that or by its name, in $REPLY
domid() {
	for REPLY in "${domains[@]}"; do
		[[ $REPLY != "$1" && ${tree[$REPLY/name]:-} != "$1" ]] || return 0
	done
	die "there is no guest $1"
}

# Of the guest that guest_facts was called for: what it advertises, its bridge, why it meets nobody, whom it was told
# of.
declare guest_mac guest_addresses guest_bridge guest_why guest_peers

# guest_facts DOMID
guest_facts() {
	local vif
	guest_mac=${tree[$1/data/xlnet/mac]:-}
	guest_addresses=${tree[$1/data/xlnet/addr]:-}
	guest_why=${tree[$1/xlnet/why]:-}
	# The vif that it speaks of need not be its first.
	guest_bridge=
	for vif in ${vifs[$1]:-}; do
		if [[ ${tree[0/backend/vif/$1/$vif/mac]} = "$guest_mac" ]]; then
			guest_bridge=${tree[0/backend/vif/$1/$vif/bridge]:-}
		fi
	done
	# Those of version 1 are told of peers in their own part.
	if [[ ${tree[$1/data/xlnet/version]} = 1 ]]; then
		guest_peers=${told_v1[$1]:-}
	else
		guest_peers=${told[$1]:-}
	fi
}

# told_entry DOMID PEER: what a guest was told of a peer, as `entry` has it
told_entry() {
	local node=$1/data/xlnet/peer/$2
	if [[ ${tree[$1/data/xlnet/version]} = 1 ]]; then
		entry_mac=${tree[$node/mac]:-} entry_addresses=${tree[$node/addr]:-}
	else
		entry "${tree[$1/xlnet/peer/$2]:-}"
	fi
}

# account DOMID PEER: what a guest says that it exchanged with another one: packets and bytes sent, packets and bytes
# received, in the array `account`; - where it says nothing, or nothing that is a number
account() {
	# shellcheck disable=SC2206 # Words are wanted, and set -f holds.
	account=(${tree[$1/data/xlnet/traffic/$2]:-})
	if [[ ${#account[@]} != 4 ]] || ! is_number "${account[0]}" || ! is_number "${account[1]}" ||
		! is_number "${account[2]}" || ! is_number "${account[3]}"; then
		account=(- - - -)
	fi
}

# exchanged FUNCTION: calls it with FROM TO SENT-PACKETS SENT-BYTES RECEIVED-PACKETS RECEIVED-BYTES for each pair of
# which the one says that it exchanged something with the other
exchanged() {
	local from to sent
	for from in "${domains[@]}"; do
		for to in ${accounts[$from]:-}; do
			# It may have made up any number of others.
			[[ " ${domains[*]} " == *" $to "* ]] || continue
			account "$from" "$to"
			sent=("${account[@]:0:2}")
			account "$to" "$from"
			"$1" "$from" "$to" "${sent[@]}" "${account[@]:2:2}"
		done
	done
}

# of_policy REASON: whether it is an administrator's own wish
of_policy() {
	[[ $1 == *'the policy '* || $1 == *'is not served'* || $1 == *'of different groups'* ]]
}

# excluded DOMID: whether a guest meets nobody; says why in $REPLY
excluded() {
	name "$1"
	if [[ ! ${tree[$1/data/xlnet/version]:-} ]]; then
		REPLY+=" does not run xlnet"
	elif [[ ${tree[$1/xlnet/why]:-} ]]; then
		REPLY+=" meets nobody: ${tree[$1/xlnet/why]}"
	else
		return 1
	fi
}

# asked DOMID DOMID: why xldiscovery does not introduce two guests, or `introduced`, in $REPLY; fails without an answer
asked() {
	local question="$1 $2 $$.$RANDOM" answer tries=20
	xenstore-write /local/domain/0/xlnet/ask "$question" 2>/dev/null || return 1
	while ((tries-- > 0)); do
		answer=$(xenstore-read /local/domain/0/xlnet/answer 2>/dev/null || true)
		if [[ $answer == "$question "* ]]; then
			REPLY=${answer#"$question "}
			return
		fi
		sleep 0.1
	done
	return 1
}

# why GUEST GUEST: why two guests do not use xl0, in dom0's view, in $REPLY; their ids in $one and $other; whether they
# may meet, in $meet
why() {
	meet=
	domid "$1"
	one=$REPLY
	domid "$2"
	other=$REPLY
	if [[ ! -e /sys/module/xldiscovery ]]; then
		REPLY="xldiscovery is not loaded"
	elif [[ $one = "$other" ]]; then
		REPLY="$1 and $2 are one guest"
	elif excluded "$one" || excluded "$other"; then
		return
	elif [[ " ${would[$one]:-}" == *" $other "* || " ${would[$other]:-}" == *" $one "* ]]; then
		REPLY="$1 and $2 would meet, were this no dry run"
	elif asked "$one" "$other" && [[ $REPLY != introduced ]]; then
		case $REPLY in
		'they do not talk' | *' has no room '*) REPLY="$1 and $2 may meet, and have no channel: $REPLY" ;;
		*) REPLY="$1 and $2 are kept apart: $REPLY" ;;
		esac
	elif [[ ${tree[0/xlnet/apart/$one/$other]:-} ]]; then
		REPLY="$1 and $2 are kept apart: ${tree[0/xlnet/apart/$one/$other]}"
	elif [[ " ${told[$one]:-}${told_v1[$one]:-}" == *" $other "* ]]; then
		meet=yes
		REPLY="$1 and $2 may meet; what they make of it xl-status says there"
	elif [[ ${tree[0/xlnet/apart/more]:-} ]]; then
		REPLY="$1 and $2 are on different bridges or VLANs,"
		REPLY+=" or one of more pairs that are kept apart than are listed"
	else
		REPLY="$1 and $2 are on different bridges or VLANs"
	fi
}

# read_dom0: all of it, and what is wrong, in the array `problems`; the exit status that xl-status has, in $status
read_dom0() {
	local guest peer reason text
	problems=() status=0 loaded=''
	first_line /sys/module/xldiscovery/version
	version=$REPLY
	read_store
	[[ ! -e /sys/module/xldiscovery ]] || loaded=yes
	[[ $loaded ]] || problems+=("xldiscovery is not loaded, so no guest gets a new peer")
	for guest in "${guests[@]}"; do
		name "$guest"
		text=$REPLY reason=${tree[$guest/xlnet/why]:-}
		[[ ! $reason ]] || of_policy "$reason" || problems+=("$text meets nobody: $reason")
		for peer in ${apart[$guest]:-}; do
			reason=${tree[0/xlnet/apart/$guest/$peer]}
			name "$peer"
			# Each pair is there twice.
			((guest > peer)) || of_policy "$reason" || [[ $reason == *' has no room '* ]] ||
				problems+=("$text is kept apart from $REPLY: $reason")
		done
	done
	[[ ${#problems[@]} = 0 ]] || status=1
}
