# Functions for tests that need a vCenter. One vCenter at a time is the current one: the one whose directory is in
# VCENTER_DIR. Start a second in another directory; `vcenter_use DIR` goes back to the first.

# The program: VCENTER_PROGRAM, or where the Makefile puts it.
_vcenter_program() {
    local here
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    echo "${VCENTER_PROGRAM:-$here/../../build/tests/vcenter}"
}

# vcenter_start DIR [option…]: start one with its files in DIR, return when it answers, and make it the current one.
vcenter_start() {
    local dir=$1 address
    shift
    mkdir -p "$dir"
    rm -f "$dir/started" "$dir/pid"
    mkfifo "$dir/started" || return
    # Bats waits for its descriptor 3 to be closed by all; a server that outlives its test must not hold it, nor the
    # output of the test, nor be given what the test preloads.
    (
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        unset LD_PRELOAD
        exec "$(_vcenter_program)" --dir "$dir" "$@" </dev/null >"$dir/started" 2>"$dir/errors"
    ) >/dev/null 2>&1 &
    echo $! >"$dir/pid"
    # The server writes its address when it is ready. If it cannot start, its end of the pipe closes instead.
    if ! read -r -t 60 address <"$dir/started"; then
        echo "the vCenter did not start:" >&2
        cat "$dir/errors" >&2
        return 1
    fi
    rm -f "$dir/started"
    vcenter_use "$dir"
}

# vcenter_use DIR: make the vCenter that runs in DIR the current one.
vcenter_use() {
    local address
    address=$(cat "$1/address") || return
    export VCENTER_DIR=$1
    export VCENTER_PORT=${address##*:}
    # The certificate names localhost and both loopback addresses.
    VCENTER_HOST=${address%:*}
    VCENTER_HOST=${VCENTER_HOST#[}
    export VCENTER_HOST=${VCENTER_HOST%]}
    export VCENTER_CA=$1/ca.pem
    export VCENTER_USER=${VCENTER_USER:-administrator@vsphere.local}
    export VCENTER_PASSWORD=${VCENTER_PASSWORD:-vcache-Secret-1}
}

# vcenter_stop [DIR]: end the current one, or the one in DIR, and return when it is gone.
vcenter_stop() {
    local dir=${1:-$VCENTER_DIR} pid
    [ -n "$dir" ] && [ -f "$dir/pid" ] || return 0
    pid=$(cat "$dir/pid")
    rm -f "$dir/pid"
    kill "$pid" 2>/dev/null || return 0
    # It is a child only of the shell that started it.
    wait "$pid" 2>/dev/null || timeout 10 tail --pid="$pid" -s 0.05 -f /dev/null
}

# vcenter_control METHOD PATH: one call to the control server; prints its answer, fails if it refuses.
# METHOD may be left out: it is GET for what only looks, POST for what acts.
vcenter_control() {
    local method=
    case $1 in GET | POST) method=$1 && shift ;; esac
    if [ -z "$method" ]; then
        case $1 in
            /count* | /connections* | /sessions* | /views* | /await*) method=GET ;;
            *) method=POST ;;
        esac
    fi
    env -u LD_PRELOAD curl --silent --show-error --fail-with-body --request "$method" \
        --unix-socket "$VCENTER_DIR/control.sock" "http://control$1"
}

# vcenter_count [OPERATION]: requests that arrived since the last reset.
vcenter_count() {
    if [ $# -eq 0 ]; then
        vcenter_control GET /count
    else
        vcenter_control GET "/count?operation=${1// /%20}"
    fi
}

# vcenter_connections: TCP connections accepted since the last reset.
vcenter_connections() { vcenter_control GET /connections; }

# vcenter_reset: counters to zero, journal emptied.
vcenter_reset() { vcenter_control POST /reset >/dev/null; }

# vcenter_sessions, vcenter_views: what the vCenter holds now.
vcenter_sessions() { vcenter_control GET /sessions; }
vcenter_views() { vcenter_control GET /views; }

# vcenter_session_list: one a line: key, cookie, user, number of views, number of filters.
vcenter_session_list() { vcenter_control GET '/sessions?list=1' | sed '/^$/d'; }

# vcenter_journal: what arrived since the last reset, one JSON object a line.
vcenter_journal() { cat "$VCENTER_DIR/journal"; }

# vcenter_operations: the same as operation names alone.
vcenter_operations() { sed 's/.*"operation":"\([^"]*\)".*/\1/' "$VCENTER_DIR/journal"; }
