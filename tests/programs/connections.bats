#!/usr/bin/env bats
# A connection that the origin ends while answers come from the cache is made anew under the same SSL, and the program
# sees nothing of it. Where nothing was answered, or nothing can be had, it sees what it would have seen. Every run
# connects at once (VCACHE_CONNECT): deferred.bats is about connections that are not there yet.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2119
bats_require_minimum_version 1.8.0
# bats file_tags=sanitized

source "$BATS_TEST_DIRNAME/common.bash"

setup_file() {
    # Answers of a known length, for idle.py.
    file_vcenter --framing length
}
setup() {
    begin
    vcenter_control '/framing?mode=length' >/dev/null
    client=$build/tests/clients/client
    idle=$scripts/idle.py
    go=$BATS_TEST_TMPDIR/go
    export CLIENT_PAUSE=$go VCACHE_CONNECT=eager
    mkfifo "$go"
}

# meanwhile COMMAND plainly|cached NAME COMMAND…: runs it, does the first command when it pauses, and lets it go on.
meanwhile() {
    local meanwhile=$1 run=$2 name=$3 running
    shift 3
    : >"$BATS_TEST_TMPDIR/$name.out"
    "$run" "$name" "$@" &
    running=$!
    until_said_paused "$name"
    eval "$meanwhile"
    # shellcheck disable=SC2016 # for the other shell
    timeout 60 sh -c 'echo >"$1"' sh "$go"
    wait "$running"
}

until_said_paused() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        if grep -q '^paused$' "$BATS_TEST_TMPDIR/$1.out"; then return 0; fi
        sleep 0.05
    done
    cat "$BATS_TEST_TMPDIR/$1.err" >&2
    return 1
}

# until_closed: return when the origin has no connection open.
until_closed() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        if [ "$(vcenter_control '/connections?open=1')" -eq 0 ]; then return 0; fi
        sleep 0.05
    done
    return 1
}

# The three ways in which an origin ends a connection.
notify() { vcenter_control '/close-connections?notify=1' >/dev/null && until_closed; }
close() { vcenter_control /close-connections >/dev/null && until_closed; }
reset() { vcenter_control '/close-connections?reset=1' >/dev/null && until_closed; }

# told NAME [LINE…]: these lines it printed, and nothing on stderr.
told() { diff -u --label expected --label told <(printf '%s\n' "${@:2}") "$BATS_TEST_TMPDIR/$1.out" && [ ! -s "$1.err" ]; }

# ended NAME [LINE…]: the same, and after them that the next read has found the end of the connection.
ended() {
    local name=$1
    sed -i 's/^wsdl SSL[A-Za-z]*Error .*/the end/' "$name.out"
    told "$@" 'the end'
}

content='content 200 OK, 4422 bytes'
wsdl='wsdl 200 OK, 467 bytes'

# ---- the program sees nothing --------------------------------------------------------------------

# So long that no program takes longer from one request to the next, on a machine that is busy.
@test "pyVmomi, idle until the origin's connections have idled out: no failure" {
    plainly bare "$python" "$scripts/idle-pyvmomi.py" /dev/null
    another_vcenter own --idle-timeout 5s
    cached cold "$python" "$scripts/idle-pyvmomi.py" /dev/null
    same bare cold
    went_well bare
    vcenter_reset
    meanwhile until_closed cached warm "$python" "$scripts/idle-pyvmomi.py" "$go"
    same bare warm
    origin_was_asked CurrentTime CurrentTime
}

@test "rbvmomi, the same" {
    plainly bare ruby "$scripts/idle.rb" /dev/null
    another_vcenter own --idle-timeout 5s
    cached cold ruby "$scripts/idle.rb" /dev/null
    same bare cold
    went_well bare
    vcenter_reset
    meanwhile until_closed cached warm ruby "$scripts/idle.rb" "$go"
    same bare warm
    origin_was_asked CurrentTime CurrentTime
}

# survives MANNER: however the connection is ended, with answers before that and after it, the next request goes out on
# a new one, and that is all that the origin has of it.
survives() {
    local how
    export CLIENT_TLS_1_2
    meanwhile : plainly bare "$client" "$1"
    went_well bare
    meanwhile : cached cold "$client" "$1"
    same bare cold
    for how in notify close reset; do
        vcenter_reset
        meanwhile "$how" cached "$how" "$client" "$1"
        same bare "$how"
        origin_was_asked CurrentTime
        [ "$(vcenter_connections)" -eq 2 ]
    done
}

@test "a blocking socket" { survives blocking; }
@test "SSL_read_ex and SSL_write_ex" { survives ex; }
@test "select" { survives select; }
@test "poll" { survives poll; }
@test "ppoll, before each read" { survives ppoll; }
@test "epoll, level-triggered" { survives level; }
@test "epoll, edge-triggered" { survives edge; }
@test "epoll, edge-triggered and one-shot" { survives oneshot; }
@test "SSL_peek, SSL_pending, SSL_has_pending" { survives peek; }
@test "three bytes written at a time, five read" { survives tiny; }
@test "requests that do not fit the send buffer" { survives large; }
@test "the same, partial writes from a moving buffer" { survives moving; }
@test "TLS 1.2: a blocking socket" { CLIENT_TLS_1_2=1 survives blocking; }
@test "TLS 1.2: poll" { CLIENT_TLS_1_2=1 survives poll; }
@test "TLS 1.2: epoll, edge-triggered" { CLIENT_TLS_1_2=1 survives edge; }

@test "over IPv6" {
    another_vcenter own --framing length --listen '[::1]:0'
    meanwhile : plainly bare "$idle" content pause:"$go" wsdl content
    cached first "$idle" content
    vcenter_reset
    meanwhile notify cached second "$idle" content pause:"$go" wsdl content
    same bare second
    [ "$(vcenter_connections)" -eq 2 ]
}

@test "a write that finds the connection dead goes out once, on the new one" {
    local how
    for how in notify close reset; do
        cached first "$idle" content
        vcenter_reset
        meanwhile "$how" cached "$how" "$idle" content pause:"$go" write
        grep -q '^write 500 Internal Server Error' "$how.out"
        origin_was_asked Rename_Task
        [ "$(vcenter_connections)" -eq 2 ]
    done
}

@test "a read whose connection dies after it was sent is sent again" {
    cached first "$idle" content
    vcenter_reset
    vcenter_control '/fail?before=1&operation=GET%20/sdk/vimService.wsdl' >/dev/null
    cached again "$idle" content wsdl content
    told again "$content" "$wsdl" "$content"
    [ "$(vcenter_count 'GET /sdk/vimService.wsdl')" -eq 2 ]
    [ "$(vcenter_connections)" -eq 2 ]
}

# ---- the program sees what it would have seen ----------------------------------------------------

@test "a read whose connections die twice after it was sent is not sent a third time" {
    vcenter_control '/fail?before=1&operation=GET%20/sdk/vimService.wsdl' >/dev/null
    plainly bare "$idle" content wsdl
    cached first "$idle" content
    vcenter_reset
    vcenter_control '/fail?before=1&times=2&operation=GET%20/sdk/vimService.wsdl' >/dev/null
    cached twice "$idle" content wsdl
    same bare twice
    [ "$(vcenter_count 'GET /sdk/vimService.wsdl')" -eq 2 ]
}

@test "a write whose connection dies after it was sent is not repeated" {
    vcenter_control '/fail?before=1&operation=Rename_Task' >/dev/null
    plainly bare "$idle" content write
    cached first "$idle" content
    vcenter_reset
    vcenter_control '/fail?before=1&operation=Rename_Task' >/dev/null
    cached once "$idle" content write
    same bare once
    origin_was_asked Rename_Task
}

@test "a response that breaks off is not asked for again" {
    vcenter_control '/fail?truncate=1&operation=GET%20/sdk/vimService.wsdl' >/dev/null
    plainly bare "$idle" content wsdl
    cached first "$idle" content
    vcenter_reset
    vcenter_control '/fail?truncate=1&operation=GET%20/sdk/vimService.wsdl' >/dev/null
    cached broken "$idle" content wsdl
    same bare broken
    [ "$(vcenter_count 'GET /sdk/vimService.wsdl')" -eq 1 ]
}

@test "nothing was answered from the cache: the connection has ended as without the shim" {
    local how
    for how in notify close reset; do
        meanwhile "$how" plainly bare "$idle" versions pause:"$go" wsdl
        rm -rf "$VCACHE_DIR"
        meanwhile "$how" cached "$how" "$idle" versions pause:"$go" wsdl
        same bare "$how"
    done
    vcenter_reset
    vcenter_control '/fail?before=1&operation=GET%20/sdk/vimService.wsdl' >/dev/null
    rm -rf "$VCACHE_DIR"
    cached first "$idle" versions wsdl
    [ "$(vcenter_count 'GET /sdk/vimService.wsdl')" -eq 1 ]
}

@test "an idle connection that has ended is readable" {
    cached first "$idle" content
    vcenter_reset
    meanwhile close cached polled "$idle" content poll pause:"$go" poll wsdl poll
    told polled "$content" 'readable: False' paused 'readable: True' "$wsdl" 'readable: False'
}

@test "a vCenter that is down: the connection has ended" {
    local how
    for how in notify close reset; do
        another_vcenter "$how" --framing length
        meanwhile "$how; vcenter_stop" plainly bare "$idle" content pause:"$go" wsdl
        another_vcenter "$how" --framing length
        cached first "$idle" content
        meanwhile "$how; vcenter_stop" cached down "$idle" content pause:"$go" wsdl
        same bare down
    done
}

@test "a program in C does not die of a vCenter that is down" {
    local how
    for how in notify close reset; do
        another_vcenter "$how"
        meanwhile : cached first "$client" blocking
        went_well first
        meanwhile "$how; vcenter_stop" cached down "$client" blocking
        [ "$(cat down.status)" -eq 1 ]
        cat down.err >>errors
    done
    diff -u - errors <<'END'
the connection ended before the head did
no clean end: result 0, error 1, errno 0
a write failed: error 5, errno 104
END
}

# another_certificate INSECURE: another vCenter has taken the place of the one that ended the connection.
another_certificate() {
    local port
    export IDLE_INSECURE=$1
    another_vcenter here --framing length
    port=$VCENTER_PORT
    cached first "$idle" content
    meanwhile "close; vcenter_stop; vcenter_start '$BATS_TEST_TMPDIR/there' --framing length --listen 127.0.0.1:$port" \
        cached other "$idle" content pause:"$go" wsdl
    ended other "$content" paused
    vcenter_use "$BATS_TEST_TMPDIR/there"
    origin_was_not_asked
    [ "$(vcenter_connections)" -eq 1 ]
}

@test "another certificate is not accepted by one who verifies" { another_certificate ''; }
@test "another certificate is not accepted by one who does not" { another_certificate 1; }

@test "a forked child leaves its parent's connection alone" {
    cached first "$idle" content
    vcenter_reset
    meanwhile notify cached forked "$idle" content pause:"$go" content fork wsdl
    told forked "$content" paused "$content" 'wsdl EOFError a clean end' "$wsdl"
    [ "$(vcenter_connections)" -eq 2 ]
}

# left_silent [STEP…]: what takes the origin's place accepts and says nothing. These steps come before it does.
left_silent() {
    local port
    another_vcenter here --framing length
    port=$VCENTER_PORT
    cached first "$idle" content
    meanwhile "close; vcenter_stop; start_silent $port" cached silent "$idle" content "$@" pause:"$go" wsdl
    ended silent "$content" paused
}

@test "VCACHE_CONNECT_TIMEOUT is the longest wait for a new connection" {
    export VCACHE_CONNECT_TIMEOUT=0.5
    left_silent
}

@test "a shorter time-out of the program's own socket stands above it" {
    export VCACHE_CONNECT_TIMEOUT=1000
    left_silent timeout:500
}

@test "through a proxy: the connection has ended" {
    start_proxy
    export IDLE_PROXY=$proxy
    cached first "$idle" content
    meanwhile notify cached proxied "$idle" content pause:"$go" wsdl
    told proxied "$content" paused 'wsdl EOFError a clean end'
    [ "$(grep -c ' 200$' proxy.out)" -eq 2 ]
}

# bats file_tags=

@test "valgrind finds nothing" {
    meanwhile : plainly bare "$client" blocking
    meanwhile : cached cold "$client" blocking
    meanwhile notify cached checked valgrind --quiet --error-exitcode=99 --leak-check=full \
        --show-leak-kinds=definite --errors-for-leak-kinds=definite "$client" blocking
    same bare checked
}
