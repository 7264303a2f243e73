#!/usr/bin/env bats
# libcurl's multi interface: in every manner of driving it, handles are told the same and are done once each; warm, without
# a request.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/libcurl.bash"
vcenter_options=(--vms 10 --name vcenter.example.com)

# driven_by LOOP: one handle after the other, and eight together; paused; with live questions between.
driven_by() {
    export JUDGE_LOOP=$1
    logged_in_here perform ask:large perform perform ask:name perform ask:logout quietly
    logged_in_here ask:large WRITEFUNCTION=pause:2 perform
    logged_in_here 'POSTFIELDS=(null)' POST=1 POSTFIELDSIZE=496 READFUNCTION=7:@name perform
    logged_in_here 'POSTFIELDS=(null)' POST=1 POSTFIELDSIZE=496 READFUNCTION=pause:1@name perform
    logged_in_here XFERINFOFUNCTION=on HEADER=1 ACCEPT_ENCODING=identity perform
    logged_in ask:large WRITEFUNCTION=short:2 quietly ask:name perform
    logged_in perform ask:unknown perform ask:name perform
    JUDGE_NAME=vcenter.example.com logged_in perform ask:unknown perform ask:name perform
    ! grep -q NotAuthenticated bare.out || return
    judged URL=https://127.0.0.1:1/sdk perform
}

@test "curl_multi_perform and curl_multi_poll" { driven_by poll; }
@test "curl_multi_perform and curl_multi_wait" { driven_by wait; }
@test "curl_multi_perform, curl_multi_fdset and select" { driven_by select; }
@test "curl_multi_socket_action, epoll and a timerfd" { driven_by epoll; }
@test "curl_multi_socket_action, epoll, and a timer callback that does nothing" { driven_by tick; }

# together STEP…: eight handles at once, in each manner. Which of them opens a connection, and which waits for another's,
# is told by nobody: the times are left out.
together() {
    local judge
    for JUDGE_LOOP in poll wait select epoll tick; do
        export JUDGE_LOOP
        for judge in "${flavours[@]}"; do
            rm -rf "$VCACHE_DIR"
            plainly bare "$clients/$judge" share ask:login quietly "$@"
            went_well bare
            cached cold "$clients/$judge" share ask:login quietly "$@"
            vcenter_reset
            cached warm "$clients/$judge" share ask:login quietly "$@"
            sed -i '/^  times /d' bare.out cold.out warm.out
            same bare cold && same bare warm && origin_saw_nothing || { echo "$judge, $JUDGE_LOOP" && return 1; }
        done
    done
}

@test "eight handles at once that ask the same" { together ask:name many:8; }
@test "eight handles at once, large answers" { together ask:large many:8; }
@test "nine handles, and when one is done the next is added" { together ask:name queue:9 ask:large queue:9 perform; }
@test "eight handles at once, again and again" { together ask:name many:8 ask:large many:8 ask:names many:8 perform; }

@test "a handle that is taken out in the middle, and used again" {
    logged_in_here ask:large WRITEFUNCTION=pause:2 drop perform ask:name perform
    grep -q '^dropped after ' bare.out
    logged_in_here ask:large WRITEFUNCTION=pause:2 drop by:epoll perform by:easy ask:name perform
    logged_in ask:large WRITEFUNCTION=pause:1 drop cleanup new ask:login quietly ask:name perform
    logged_in ask:unknown WRITEFUNCTION=pause:1 drop ask:name perform
}

@test "a fork between two handles: the child asks, and then the parent" {
    for JUDGE_LOOP in easy poll; do
        export JUDGE_LOOP
        judged_here ask:login quietly ask:name perform cleanup fork new ask:login quietly ask:name perform ask:large perform
        [ "$(grep -c '>DC0_H0_VM0<' bare.out)" -eq 3 ]
    done
}

@test "from one manner to the other" {
    logged_in_here perform by:poll perform by:epoll perform by:easy ask:large perform by:select perform by:epoll perform
}

@test "sixteen threads, a handle each" {
    local judge
    for judge in "${flavours[@]}"; do
        for JUDGE_LOOP in easy poll epoll; do
            export JUDGE_LOOP
            plainly bare "$clients/$judge" threads:16 ask:login quietly ask:name perform ask:large perform
            went_well bare
            rm -rf "$VCACHE_DIR"
            cached first "$clients/$judge" ask:login quietly ask:name perform ask:large perform
            vcenter_reset
            cached warm "$clients/$judge" threads:16 ask:login quietly ask:name perform ask:large perform
            same bare warm
            origin_saw_nothing
        done
    done
}

@test "sixteen threads at once, and nothing is stored yet" {
    local judge
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        plainly bare "$clients/$judge" threads:16 ask:login quietly ask:name perform ask:large perform
        cached cold "$clients/$judge" threads:16 ask:login quietly ask:name perform ask:large perform
        same bare cold
    done
}

@test "sixteen threads that share cookies, names and TLS sessions" {
    local judge
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        plainly bare "$clients/$judge" threads:16 share ask:content perform
        went_well bare
        cached cold "$clients/$judge" threads:16 share ask:content perform
        vcenter_reset
        cached warm "$clients/$judge" threads:16 share ask:content perform ask:content perform
        # Who comes first has no TLS session, and that costs it time and nothing else.
        [ "$(grep -c '^result 0' bare.out)" -eq 16 ]
        [ "$(grep -c '^result 0' cold.out)" -eq 16 ]
        [ "$(grep -c '^result 0' warm.out)" -eq 32 ]
        [ "$(grep '^  body' bare.out cold.out warm.out | cut -d: -f2- | sort -u | wc -l)" -eq 1 ]
        origin_saw_nothing
    done
}

@test "two libcurls in one process are kept apart" {
    plainly bare "$clients/judges" "$clients/judge.so" "$clients/judge-gnutls.so" ask:login quietly ask:name perform ask:large perform
    went_well bare
    [ "$(sort -u bare.out | grep -c '^with ')" -eq 2 ]
    cached cold "$clients/judges" "$clients/judge.so" "$clients/judge-gnutls.so" ask:login quietly ask:name perform ask:large perform
    same bare cold
    vcenter_reset
    cached warm "$clients/judges" "$clients/judge.so" "$clients/judge-gnutls.so" ask:login quietly ask:name perform ask:large perform
    same bare warm
    origin_saw_nothing
}

@test "valgrind finds nothing" {
    local loop patience=600 # it takes ten times as long, and longer on a machine that is busy
    # libcurl 7.88 itself loses the names of cookie files when a handle that has some is duplicated or reset.
    printf '%s\n' '{' cookie-files Memcheck:Leak fun:malloc 'obj:*/libcurl*' fun:curl_slist_append 'obj:*/libcurl*' '}' >known
    for loop in easy epoll; do
        export JUDGE_LOOP=$loop
        rm -rf "$VCACHE_DIR"
        # Forwarded, then answered from the store, then forwarded past it.
        cached checked valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --suppressions=known \
            --errors-for-leak-kinds=definite "$clients/judge" ask:login quietly ask:large perform perform ask:unknown perform \
            reset ask:content quietly
        cat checked.err
        [ "$(cat checked.status)" -eq 0 ]
    done
}
