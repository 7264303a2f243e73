#!/usr/bin/env bash
# The main job, shown: one inventory script without and with vcache, on a vCenter that is simulated on this machine.
# Installs and builds what is missing, leaves nothing running, and fails if anything is not as promised.
#
#     demo.sh BUILD-DIRECTORY
set -u

build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
unset LD_PRELOAD "${!VCACHE_@}" "${!VCENTER_@}" SSL_CERT_FILE SSL_CERT_DIR

directory=$(mktemp -d "${TMPDIR:-/tmp}/vcache-demo.XXXXXX") || exit 1
# shellcheck source=tests/vcenter/vcenter.bash
source "$root/tests/vcenter/vcenter.bash"

clean_up() {
    [ ! -d "$directory/vcenter" ] || vcenter_stop "$directory/vcenter"
    rm -rf "$directory"
}
trap clean_up EXIT
trap 'echo; exit 130' INT
trap 'exit 143' TERM HUP

# ---- how it looks ------------------------------------------------------------------------------

bold='' dim='' green='' red='' accent='' plain='' full='#'
is_terminal=false
if [ -t 1 ]; then
    is_terminal=true
    if [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
        bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' accent=$'\e[36m' plain=$'\e[0m'
    fi
fi
[ "$(locale charmap 2>/dev/null)" != UTF-8 ] || full='█'

columns=80
! $is_terminal || columns=$(stty size 2>/dev/null </dev/tty | cut -d' ' -f2)
[ "${columns:-0}" -ge 60 ] || columns=80

sections=0
section() { printf '\n%s%d  %s%s\n\n' "$bold" $((++sections)) "$1" "$plain"; }
say() {
    local line
    for line; do printf '%s\n' "${line:+   $line}"; done
}
show() { sed "s/^/   $dim/; s/\$/$plain/" "$1"; }

# A line that the next one replaces; on terminals only.
meanwhile() { ! $is_terminal || printf '\r\e[K   %s%s ...%s' "$dim" "$1" "$plain"; }
erase() { ! $is_terminal || printf '\r\e[K'; }

# promise TEXT COMMAND…: says whether what the command tests is so.
failures=0
promise() {
    local text=$1
    shift
    if "$@"; then
        printf '   %sok%s  %s\n' "$green" "$plain" "$text"
    else
        printf '   %sNOT SO:%s %s\n' "$red" "$plain" "$text"
        failures=$((failures + 1))
    fi
}

# ---- preparations ------------------------------------------------------------------------------

# quietly TEXT COMMAND…: what it prints is only of interest if it fails.
quietly() {
    local text=$1
    shift
    meanwhile "$text"
    if ! "$@" >"$directory/log" 2>&1; then
        erase
        printf '%s: failed\n\n' "$text"
        cat "$directory/log"
        exit 1
    fi
    erase
}

prepare() {
    quietly 'installing the Debian packages that are missing' "$root/.ci/install"
    quietly 'building vcache' "${MAKE:-make}" --no-print-directory --directory "$root" all
    quietly "building the simulated vCenter (the first time takes a minute or two)" \
        "${MAKE:-make}" --no-print-directory --directory "$root" vcenter
    quietly 'starting the simulated vCenter' vcenter_start "$directory/vcenter" \
        --vms 300 --clusters 2 --hosts 4 --standalone-hosts 0 --delay 100ms
}

# vcenter_start exports what says where the vCenter is; Ruby takes the authority from OpenSSL's own variable.
set_environment() {
    export VCENTER_PROGRAM=$build/tests/vcenter
    export VCACHE_DIR=$directory/cache VCACHE_TTL=60
    export SSL_CERT_FILE=$directory/vcenter/ca.pem
    cd "$here" || exit 1
}

# ---- runs --------------------------------------------------------------------------------------

# Microseconds; the decimal point is the locale's.
now() { echo "${EPOCHREALTIME/[.,]/}"; }

seconds() { printf '%d.%02d s' $(($1 / 1000000)) $(($1 % 1000000 / 10000)); }

longest=1
bar() {
    local most=$((columns - 68)) length i
    [ "$most" -le 40 ] || most=40
    length=$((($1 * most + longest - 1) / longest))
    [ "$length" -le "$most" ] || length=$most
    for ((i = 0; i < length; i++)); do printf '%s' "$full"; done
}

heading() { printf '   %s%-32s %8s %8s %9s%s\n' "$dim" '' requests logins time "$plain"; }

# run NAME SHOWN COMMAND…: one row; the output goes to the file NAME, and must be all there is.
run() {
    local name=$1 shown=$2 begun took colour=$plain
    shift 2
    vcenter_reset
    ! $is_terminal || printf '   %-32s %s...%s' "$shown" "$dim" "$plain"
    begun=$(now)
    "$@" >"$directory/$name" 2>"$directory/$name.errors" </dev/null
    status=$?
    took=$(($(now) - begun))
    requests=$(vcenter_count)
    logins=$(vcenter_count Login)
    [ "$longest" -gt 1 ] || longest=$took
    [ "$requests" -ne 0 ] || colour=$green
    erase
    printf '   %-32s %s%8d %8d%s %9s  %s%s%s\n' "$shown" "$colour" "$requests" "$logins" "$plain" \
        "$(seconds "$took")" "$accent" "$(bar "$took")" "$plain"
    if [ "$status" -ne 0 ] || [ -s "$directory/$name.errors" ]; then
        promise "it ran without an error (status $status)" false
        show "$directory/$name.errors"
    fi
}

vcache=$build/vcache
inventory=(/usr/bin/python3 inventory.py)
datastores=(/usr/bin/ruby datastores.rb)
asleep='DC0_C0_RP0_VM7'
power_off=(/usr/bin/python3 power.py off "DC0/vm/$asleep")

# same NAME NAME…: whether these runs printed the same.
same() {
    local first=$1 other
    shift
    for other; do cmp -s "$directory/$first" "$directory/$other" || return; done
}
asked_nothing_and_same() { [ "$requests" -eq 0 ] && same "$@"; }
says_and_same() { grep -q "$1" "$directory/$2" && same "${@:2}"; }
no_file_holds() { ! grep -rqF "$1" "$VCACHE_DIR"; }

show_inventory() {
    section 'An inventory script in Python (pyVmomi), unchanged'
    heading
    run without 'python3 inventory.py' "${inventory[@]}"
    requests_without=$requests
    run cold 'vcache python3 inventory.py' "$vcache" "${inventory[@]}"
    requests_cold=$requests
    run warm 'vcache python3 inventory.py' "$vcache" "${inventory[@]}"
    echo
    show "$directory/warm"
    echo
    promise 'the second run under vcache asked vCenter nothing' [ "$requests" -eq 0 ]
    promise 'the first asked no more than without vcache' [ "$requests_cold" -le "$requests_without" ]
    promise 'all three printed the same, byte for byte' same without cold warm
}

show_other_program() {
    section 'Another program, in another language (rbvmomi), with the same login'
    heading
    run datastores 'vcache ruby datastores.rb' "$vcache" "${datastores[@]}"
    logins_other=$logins
    run datastores.warm 'vcache ruby datastores.rb' "$vcache" "${datastores[@]}"
    echo
    show "$directory/datastores.warm"
    echo
    promise 'it was lent the session of the first: it did not log in' [ "$logins_other" -eq 0 ]
    promise 'the second time it asked vCenter nothing, and printed the same' \
        asked_nothing_and_same datastores datastores.warm
}

show_change() {
    section 'A third one changes something'
    heading
    run power 'vcache python3 power.py off ...' "$vcache" "${power_off[@]}"
    run changed 'vcache python3 inventory.py' "$vcache" "${inventory[@]}"
    requests_changed=$requests
    run changed.warm 'vcache python3 inventory.py' "$vcache" "${inventory[@]}"
    requests_again=$requests
    run truth 'python3 inventory.py' "${inventory[@]}"
    echo
    tail -n 1 "$directory/changed" >"$directory/changed.last"
    show "$directory/changed.last"
    echo
    promise 'what was stored before the change is not shown after it' \
        says_and_same "not running: $asleep" changed changed.warm truth
    promise 'vCenter was asked again for that, once' \
        [ "$requests_changed" -gt 0 -a "$requests_again" -eq 0 ]
    promise 'no file of the cache holds the password' no_file_holds "$VCENTER_PASSWORD"
}

show_counters() {
    section 'What vcache counted: vcache-stat'
    "$build/vcache-stat" || failures=$((failures + 1))
}

show_next() {
    local at=${build#"$root"/}
    section 'Your own vCenter'
    say "\$ ${accent}cd $root${plain}" \
        "\$ ${accent}export VCENTER_HOST=vcenter.example.com VCENTER_USER=you@vsphere.local${plain}" \
        "\$ ${accent}read -rsp 'Password: ' VCENTER_PASSWORD && export VCENTER_PASSWORD${plain}" \
        "\$ ${accent}export VCENTER_INSECURE=1${plain}      ${dim}# or VCENTER_CA=ca.pem, to verify its certificate${plain}" \
        "\$ ${accent}$at/vcache /usr/bin/python3 tests/demo/inventory.py${plain}      ${dim}# twice${plain}" \
        "\$ ${accent}$at/vcache-stat${plain}" '' \
        "Any command of your own goes in the same place: ${accent}$at/vcache COMMAND...${plain}" \
        "An answer is good for 15 seconds unless you say ${accent}--ttl SECONDS${plain} (here it was 60)." \
        "${accent}sudo make install${plain} puts vcache on your PATH; README.md has the rest."
}

set_environment
prepare
printf '\n%svcache%s %s\n' "$bold" "$plain" 'makes vSphere programs fast without changing them.'
printf '\n   %s\n   %s\n' "A vCenter is simulated on this machine: 300 virtual machines on 8 hosts." \
    "It takes 100 ms for every answer. vcache starts with an empty cache."
show_inventory
show_other_program
show_change
show_counters
show_next
echo
if [ "$failures" -gt 0 ]; then
    printf '%s%d of the promises above did not hold.%s\n' "$red" "$failures" "$plain"
    exit 1
fi
