# What the program tests share: the vCenter of a file, a cache directory for each test, and programs run with and
# without the shim.
#
#     source "$BATS_TEST_DIRNAME/common.bash"
#     vcenter_options=(--vms 10)
#
# is a whole head of a file; what needs more defines setup_file and its kin anew.
#
# Every run is `plainly NAME COMMAND…` or `cached NAME COMMAND…`; what it printed stays in the files NAME.out, NAME.err
# and NAME.status of the test's directory, and `same NAME OTHER` compares them.
# shellcheck source-path=SCRIPTDIR disable=SC2119

programs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${VCACHE_BUILD:-$programs/../../build}
build=$(cd "$build" && pwd)
scripts=$programs/scripts
export python=/usr/bin/python3 ask=$scripts/ask.py

# shellcheck source=../vcenter/vcenter.bash
source "$programs/../vcenter/vcenter.bash"

# What this machine has set must not matter.
for variable in $(compgen -e VCACHE_); do
    case $variable in VCACHE_BUILD | VCACHE_TEST_*) ;; *) unset "$variable" ;; esac
done
unset variable LD_PRELOAD REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR PERL_LWP_SSL_CA_FILE \
    HTTPS_CA_FILE http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8

# ---- a file, a test ------------------------------------------------------------------------------

vcenter_options=(--vms 10)
setup_file() { file_vcenter "${vcenter_options[@]}"; }
teardown_file() { end_file; }
setup() { begin; }
teardown() { end; }

# file_vcenter [option…]: the vCenter of this file.
file_vcenter() { vcenter_start "$BATS_FILE_TMPDIR/vcenter" "$@"; }

end_file() { vcenter_stop "$BATS_FILE_TMPDIR/vcenter"; }

begin() {
    local call
    cd "$BATS_TEST_TMPDIR" || return
    if [ -d "$BATS_FILE_TMPDIR/vcenter" ]; then
        use_vcenter "$BATS_FILE_TMPDIR/vcenter"
        for call in '/fail?times=0' /release '/delay?ms=0' '/task-time?ms=0' '/framing?mode=auto' '/gzip?policy=auto' \
            /end-sessions; do
            vcenter_control "$call" >/dev/null
        done
        vcenter_reset
    fi
    export VCACHE_DIR=$BATS_TEST_TMPDIR/cache VCACHE_LOG=$BATS_TEST_TMPDIR/log VCACHE_LOG_LEVEL=debug
    # However slow the machine: nothing grows old by itself.
    export VCACHE_TTL=600
}

# After a failure: what the shim says of it; and the directory is kept, for bats removes its own.
end() {
    local kept pid
    for pid in "$BATS_TEST_TMPDIR"/*/pid; do
        if [ -f "$pid" ]; then vcenter_stop "${pid%/pid}"; fi
    done
    if [ -n "$BATS_TEST_COMPLETED" ] || [ -n "$BATS_TEST_SKIPPED" ]; then return 0; fi
    kept=$build/tests/failed/$(basename "$BATS_TEST_FILENAME" .bats)-$BATS_TEST_NUMBER
    rm -rf "$kept"
    mkdir -p "${kept%/*}"
    cp -a "$BATS_TEST_TMPDIR" "$kept"
    if [ -f "$VCENTER_DIR/journal" ]; then cp "$VCENTER_DIR/journal" "$kept/vcenter-journal"; fi
    echo "counters:"
    counters
    echo "log:"
    tail -n 60 "$VCACHE_LOG" 2>/dev/null
    echo "the whole of it is in $kept"
}

# use_vcenter DIR: as vcenter_use; rbvmomi takes its CA from the variable of OpenSSL.
use_vcenter() {
    vcenter_use "$1"
    use_ca
}
use_ca() { export SSL_CERT_FILE=$VCENTER_CA; }

# another_vcenter NAME [option…]: one of this test's own, in the directory NAME.
another_vcenter() {
    local name=$1
    shift
    vcenter_start "$BATS_TEST_TMPDIR/$name" "$@" && use_ca
}

# ---- runs ----------------------------------------------------------------------------------------

# run_into NAME COMMAND…: never fails; its exit status is in NAME.status and in $status. After $patience seconds it is
# ended: a test that awaits no hang sets less than the 100 that nothing takes.
run_into() {
    local name=$BATS_TEST_TMPDIR/$1
    shift
    status=0
    timeout --foreground "${patience:-100}" "$@" </dev/null >"$name.out" 2>"$name.err" 3>&- || status=$?
    echo "$status" >"$name.status"
}
plainly() { run_into "$1" "${@:2}"; }
cached() {
    if [ -n "${VCACHE_TEST_PRELOAD-}" ]; then local -x LD_PRELOAD=$VCACHE_TEST_PRELOAD; fi
    run_into "$1" "$build/vcache" "${@:2}"
}

# undisturbed TRIAL…: runs this until all of its programs and threads have come to the cache in time, so often at most; and
# that trial, or the last one, is judged. For where many of them ask at once: on a machine that is busy elsewhere one may
# be kept from its processor while the others stand at the gate, and these go on without the cache (cache/gate.h), as the
# log says. A trial begins from what it needs by itself.
undisturbed() {
    local trial
    for trial in {1..8}; do
        rm -f "$VCACHE_LOG"
        "$@"
        grep -qE ' (no-cache|not-busy|not-available) ' "$VCACHE_LOG" || return 0
        echo "trial $trial: somebody did not come to the cache in time"
    done
}

# from_nothing: no session, no request and no cache.
from_nothing() {
    vcenter_control /end-sessions >/dev/null
    vcenter_reset
    rm -rf "$VCACHE_DIR"
}

# other_pythons: those in the path that are not $python, each once.
other_pythons() {
    local directories directory candidate executable seen
    seen=" $(readlink -f "$python") "
    IFS=: read -ra directories <<<"$PATH"
    for directory in "${directories[@]}"; do
        for candidate in "$directory"/python3 "$directory"/python3.*; do
            executable=$("$candidate" -c 'import sys; print(sys.executable)' 2>/dev/null) || continue
            [[ $seen != *" $(readlink -f "$executable") "* ]] || continue
            seen+="$(readlink -f "$executable") "
            echo "$executable"
        done
    done
}

# said NAME: what it printed, for assertions.
said() { cat "$BATS_TEST_TMPDIR/$1.out"; }

# went_well NAME: status 0, nothing on stderr, something on stdout.
went_well() {
    local name=$BATS_TEST_TMPDIR/$1
    cat "$name.err"
    [ "$(cat "$name.status")" -eq 0 ] && [ ! -s "$name.err" ] && [ -s "$name.out" ]
}

# same NAME OTHER: equal output, errors and exit status.
same() {
    local kind
    for kind in status err out; do
        diff -u "$BATS_TEST_TMPDIR/$1.$kind" "$BATS_TEST_TMPDIR/$2.$kind" || return
    done
}

# start_silent [PORT]: sets $silent to the port of a server of this test's own, which accepts and says nothing.
# shellcheck disable=SC2034 # for the tests
start_silent() {
    mkdir "$BATS_TEST_TMPDIR/mute"
    "$python" -c "
import socket, time
listening = socket.create_server(('127.0.0.1', ${1:-0}))
print(listening.getsockname()[1], flush=True)
time.sleep(600)" >"$BATS_TEST_TMPDIR/mute.out" 2>/dev/null </dev/null 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/mute/pid"
    until_said mute 1 && silent=$(cat "$BATS_TEST_TMPDIR/mute.out")
}

# start_proxy [USER:PASSWORD]: sets $proxy to the port of a proxy of this test's own; what it is asked is in proxy.out.
# shellcheck disable=SC2034 # for the tests
start_proxy() {
    mkdir "$BATS_TEST_TMPDIR/proxy"
    "$python" "$scripts/proxy.py" "$@" >"$BATS_TEST_TMPDIR/proxy.out" 2>/dev/null </dev/null 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/proxy/pid"
    until_said proxy 1 && proxy=$(head -n 1 "$BATS_TEST_TMPDIR/proxy.out")
}

# ---- counters ------------------------------------------------------------------------------------

# counters: those that are not zero and count verdicts, "name value" a line.
counters() { "$build/vcache-stat" --print-stats | awk '/^(hit|miss|bypass|kept|event)\./ && $2 > 0 {print $1, $2}'; }

# counter NAME: one value of vcache-stat --print-stats.
counter() { "$build/vcache-stat" --print-stats | awk -v name="$1" '$1 == name {print $2}'; }

zero() { "$build/vcache-stat" -z >/dev/null; }

# counted ['name value'…]: these counters and no others are not zero.
counted() { diff -u --label expected --label counted <(printf '%s\n' "$@" | grep . | sort) <(counters | sort); }

# origin_was_asked OPERATION…: exactly these arrived since the last reset, in any order.
origin_was_asked() {
    diff -u --label expected --label arrived <(printf '%s\n' "$@" | grep . | sort) <(vcenter_operations | sort) &&
        [ "$(vcenter_count)" -eq $# ]
}
origin_was_not_asked() { [ "$(vcenter_count)" -eq 0 ] || { vcenter_operations && return 1; }; }

# ---- waiting -------------------------------------------------------------------------------------

now() { date +%s%3N; }

# until_clock MILLISECONDS: return when the clock shows that time.
until_clock() { while [ "$(now)" -le "$1" ]; do sleep 0.05; done; }

# until_said NAME LINES: return when a running program has printed so many lines.
until_said() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        if [ "$(wc -l <"$BATS_TEST_TMPDIR/$1.out" 2>/dev/null || echo 0)" -ge "$2" ]; then return 0; fi
        sleep 0.05
    done
    echo "$1 did not come to say $2 lines" >&2
    return 1
}
