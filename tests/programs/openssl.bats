#!/usr/bin/env bats
# The OpenSSL front: programs in C in every manner of waiting, reading and writing, and what a program must not notice.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2119
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    clients=$build/tests/clients
}

# converses MANNER: without the shim, cold and warm, it is told the same; warm, vCenter is asked nothing.
converses() {
    export CLIENT_TLS_1_2
    plainly bare "$clients/client" "$1"
    went_well bare
    vcenter_reset
    cached cold "$clients/client" "$1"
    same bare cold
    # Once as a stranger and once logged in; the Logout is answered even then.
    origin_was_asked RetrieveServiceContent Login CreateContainerView RetrievePropertiesEx RetrieveServiceContent
    vcenter_reset
    cached warm "$clients/client" "$1"
    same bare warm
    origin_was_not_asked
}

# converses_in_threads MANNER: sixteen connections in sixteen threads, warm.
converses_in_threads() {
    plainly bare "$clients/client" "$1" 16
    went_well bare
    cached first "$clients/client" "$1"
    went_well first
    warm() {
        vcenter_reset
        cached warm "$clients/client" "$1" 16
    }
    undisturbed warm "$1"
    same bare warm
    origin_was_not_asked
}

@test "a blocking socket" { converses blocking; }
@test "SSL_read_ex and SSL_write_ex" { converses ex; }
@test "select, and an idle connection that is not readable" { converses select; }
@test "pselect" { converses pselect; }
@test "poll, and an idle connection that is not readable" { converses poll; }
@test "ppoll" { converses ppoll; }
@test "epoll, level-triggered" { converses level; }
@test "epoll, edge-triggered" { converses edge; }
@test "epoll, edge-triggered and one-shot" { converses oneshot; }
@test "SSL_peek, SSL_pending, SSL_has_pending" { converses peek; }
@test "a connection for each request, closed after it" { converses close; }
@test "the same, waiting for the end too" { converses close-late; }
@test "three bytes written at a time, five read" { converses tiny; }

@test "requests that do not fit the send buffer" { converses large; }
@test "the same, partial writes from a moving buffer" { converses moving; }

# TLS 1.2 has no session tickets after the handshake: nothing but the shim wakes these.
@test "TLS 1.2: select" { CLIENT_TLS_1_2=1 converses select; }
@test "TLS 1.2: pselect" { CLIENT_TLS_1_2=1 converses pselect; }
@test "TLS 1.2: poll" { CLIENT_TLS_1_2=1 converses poll; }
@test "TLS 1.2: ppoll" { CLIENT_TLS_1_2=1 converses ppoll; }
@test "TLS 1.2: epoll, level-triggered" { CLIENT_TLS_1_2=1 converses level; }
@test "TLS 1.2: epoll, edge-triggered" { CLIENT_TLS_1_2=1 converses edge; }
@test "TLS 1.2: epoll, edge-triggered and one-shot" { CLIENT_TLS_1_2=1 converses oneshot; }
@test "TLS 1.2: a connection for each request" { CLIENT_TLS_1_2=1 converses close-late; }
@test "TLS 1.2: three bytes written at a time, five read" { CLIENT_TLS_1_2=1 converses tiny; }

@test "sixteen threads that block" { converses_in_threads blocking; }
@test "sixteen threads that select" { converses_in_threads select; }
@test "sixteen threads that poll" { converses_in_threads poll; }
@test "sixteen threads with an epoll each" { converses_in_threads edge; }

@test "sixteen threads at once, and nothing is stored yet" {
    plainly bare "$clients/client" blocking 16
    went_well bare
    cached cold "$clients/client" blocking 16
    same bare cold
}

@test "every framing of a response is passed on and kept" {
    local framing
    plainly bare "$clients/client" select
    for framing in length chunked; do
        vcenter_control "/framing?mode=$framing" >/dev/null
        rm -rf "$VCACHE_DIR"
        cached cold "$clients/client" select
        same bare cold
        vcenter_reset
        cached warm "$clients/client" select
        same bare warm
        origin_was_not_asked
    done
}

@test "an SSL object on memory BIOs passes" {
    plainly bare "$python" "$scripts/memory.py"
    went_well bare
    vcenter_reset
    cached first "$python" "$scripts/memory.py"
    cached second "$python" "$scripts/memory.py"
    same bare first
    same bare second
    [ "$(vcenter_count)" -eq 2 ]
}

@test "a fork in the middle of an answer: parent and child read the rest" {
    cached forked "$python" "$scripts/fork.py"
    [ "$(cat forked.status)" -eq 0 ]
    [ ! -s forked.err ]
    # Five whole answers, and vCenter was asked for one.
    [ "$(grep -c '</namespaces>' forked.out)" -eq 5 ]
    [ "$(sort forked.out | uniq -c | awk '{print $1 % 5}' | sort -u)" = 0 ]
    [ "$(vcenter_count)" -eq 1 ]
}

@test "an SSL that passed says nothing of the next connection under it or at its address" {
    plainly bare "$clients/reused"
    went_well bare
    vcenter_reset
    cached cold "$clients/reused"
    same bare cold
    origin_was_asked 'GET /nothing' 'GET /nothing' 'GET /sdk/vimServiceVersions.xml' 'GET /nothing' 'GET /nothing'
    vcenter_reset
    cached warm "$clients/reused"
    same bare warm
    origin_was_asked 'GET /nothing' 'GET /nothing' 'GET /nothing' 'GET /nothing'
}

@test "two libssls in one process are kept apart" {
    plainly bare "$clients/two" "$clients/extension.so"
    went_well bare
    cached preloaded "$clients/two" "$clients/extension.so"
    same bare preloaded
}

@test "the shim stands in for the hooked names and for nothing else" {
    diff -u <(sed -n 's/^HOOK(\([A-Za-z0-9_]*\),.*/\1/p' "$programs/../../shim/front/hooks.def" | sort) \
        <(nm -D --defined-only "$build/libvcache.so" | awk '{print $3}' | sort)
}

@test "the shim needs libc and nothing else" {
    [ "$(readelf -d "$build/libvcache.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')" = libc.so.6 ]
}
