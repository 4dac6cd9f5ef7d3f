# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Variables go from one file to another.
# A text that is shown anew again and again. Sourced by xl-status and xl-top.

# refresh SECONDS COUNT FUNCTION: shows what the function leaves in $page, COUNT times, or without end if that is 0,
# with so many seconds between. On a terminal in the same place, until q is pressed.
refresh() {
	local seconds=$1 count=$2 show=$3 turn
	screen=
	if [[ -t 1 ]]; then begin_screen; fi
	for ((turn = 1; ; turn++)); do
		"$show"
		if [[ $screen ]]; then draw; else printf '%s\n' "$page"; fi
		((count == 0 || turn < count)) || break
		pause "$seconds" || break
		[[ $screen ]] || echo
	done
}

begin_screen() {
	screen=yes settings=
	# A terminal is as it was however this ends.
	if [[ -t 0 ]]; then settings=$(stty -g); fi
	trap end_screen EXIT
	trap 'exit 0' INT TERM HUP
	trap measure_screen WINCH
	measure_screen
	printf '\e[?25l\e[2J'
}

end_screen() {
	[[ ! $settings ]] || stty "$settings"
	printf '\e[?25h\n'
}

measure_screen() {
	local size
	size=$(stty size 2>/dev/null </dev/tty) || size=
	[[ $size =~ ^[1-9][0-9]*\ [1-9][0-9]*$ ]] || size='24 80'
	screen_rows=${size% *} screen_columns=${size#* }
}

# draw: what does not fit is cut off
draw() {
	local line number=0
	local IFS=
	printf '\e[H'
	while read -r line && ((++number < screen_rows)); do
		printf '%s\e[K\n' "${line:0:screen_columns}"
	done <<<"$page"
	printf '\e[J'
}

# pause SECONDS: fails if q is pressed; any other key ends it
pause() {
	local key=
	if [[ $screen && -t 0 ]]; then
		read -rsn1 -t "$1" key || [[ $? -gt 128 ]] || sleep "$1"
		[[ $key != q ]]
	else
		sleep "$1"
	fi
}
