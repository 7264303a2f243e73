#!/usr/bin/env bats
# What is stored is handed to a plain easy handle without a connection of any kind: the callbacks and curl_easy_getinfo say
# the same as ever, and whatever is not plain goes the long way.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

setup_file() {
    source "$BATS_TEST_DIRNAME/common.bash"
    file_vcenter --vms 10 --name vcenter.example.com
}
teardown_file() {
    source "$BATS_TEST_DIRNAME/common.bash"
    end_file
}
setup() {
    source "$BATS_TEST_DIRNAME/libcurl.bash"
    begin_judged
}
teardown() { end; }

begun=(WRITEFUNCTION=scribble:1 ask:login quietly ask:name perform perform)

# sent_between: what the traced run asked of sockets between its words "from here" and "to here".
sent_between() {
    awk '/write\(1, .*to here/ {found = 0}
        found && /(socket|socketpair|connect|accept4|send(to|msg)|recv(from|msg)|p?poll|epoll_[a-z]*)\(/ {print}
        /write\(1, .*from here/ {found = 1}' trace
}
traced_by() {
    cached traced strace -f -qqq -s 4096 -e trace=write,network,poll,ppoll -o trace "$clients/$1" "${begun[@]}" \
        'say:from here' "${@:2}" 'say:to here'
    grep -q 'to here' trace
}

# at_hand STEP…: after the first hits, these steps tell the same without the shim, cold and warm; and warm, they need no socket.
at_hand() {
    local judge
    for judge in "${flavours[@]}"; do
        judged_by "$judge" "${begun[@]}" "$@" && origin_saw_nothing && traced_by "$judge" "$@" &&
            [ -z "$(sent_between)" ] || { sent_between && echo "by $judge" && return 1; }
    done
}
# the_long_way STEP…: the same, but they do need one.
the_long_way() {
    local judge
    for judge in "${flavours[@]}"; do
        judged_by "$judge" "${begun[@]}" "$@" && traced_by "$judge" "$@" && [ -n "$(sent_between)" ] ||
            { echo "by $judge" && return 1; }
    done
}
# after STEP…: these steps, and what is asked after them, tell the same.
after() { judged "${begun[@]}" "$@" perform ask:large perform perform ask:name perform perform; }

# ---- what is handed out --------------------------------------------------------------------------

@test "a small answer, a large one, several in turns" { at_hand perform ask:large perform ask:names perform ask:name perform perform; }
@test "POSTFIELDSIZE, POSTFIELDSIZE_LARGE, COPYPOSTFIELDS" {
    at_hand POSTFIELDSIZE=496 perform POSTFIELDSIZE=-1 COPYPOSTFIELDS=@names perform POSTFIELDSIZE_LARGE=-1 ask:large perform
    after POSTFIELDSIZE=300 perform POSTFIELDSIZE=-1
    after POSTFIELDSIZE=300 COPYPOSTFIELDS=@name perform POSTFIELDSIZE=-1 COPYPOSTFIELDS=@name
}
@test "no HEADERFUNCTION, or that of the body" {
    at_hand HEADERFUNCTION=none perform
    at_hand HEADERFUNCTION=write perform ask:large perform
}
@test "options that are set to what they were, or off" {
    at_hand "URL=https://$VCENTER_HOST:$VCENTER_PORT/sdk" NOSIGNAL=1 "CAINFO=$VCENTER_CA" 'RANGE=(null)' NOBODY=0 HEADER=0 \
        NOPROGRESS=1 VERBOSE=0 'CUSTOMREQUEST=(null)' MAXFILESIZE=0 'USERPWD=(null)' COOKIEFILE= perform
}
@test "to a name that is not loopback's, whose cookie libcurl keeps from plain HTTP" {
    JUDGE_NAME=vcenter.example.com at_hand perform ask:large perform ask:name perform
}
@test "the session that is read before every question of libvirt's" { at_hand ask:current quietly quietly ask:name quietly; }
@test "a handle of curl_easy_duphandle, and one that was reset" {
    at_hand perform
    after dup perform perform perform
    after reset ask:login perform ask:name perform perform
}
@test "a hit is counted once, whether it was taken or not" {
    local judge
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        cached filling "$clients/$judge" "${begun[@]}"
        zero
        cached counted "$clients/$judge" "${begun[@]}" perform WRITEFUNCTION=short:1 perform WRITEFUNCTION=short:0 perform perform
        grep -q '^result 23, ' counted.out
        counted 'hit.hit 6' 'hit.session-lent 1'
    done
}

# ---- what the callbacks do -----------------------------------------------------------------------

@test "callbacks that ask curl_easy_getinfo and curl_easy_header" {
    at_hand HEADERFUNCTION=look:1 WRITEFUNCTION=look:1 perform
    at_hand HEADERFUNCTION=look:6 perform ask:large perform
}
@test "callbacks that set them anew" { at_hand WRITEFUNCTION=set:1 perform perform ask:large WRITEFUNCTION=set:2 perform; }
@test "a callback that performs another handle" { after WRITEFUNCTION=perform:1 perform; }
@test "a callback that performs its own handle, or adds it to a multi" {
    after WRITEFUNCTION=again:1 perform
    grep -q '^  in the callback, again: result 2, ' warm.out
}
@test "WRITEFUNCTION that takes less, or fails" {
    the_long_way WRITEFUNCTION=short:1 perform
    after WRITEFUNCTION=short:1 perform WRITEFUNCTION=short:0
    after WRITEFUNCTION=error:1 perform WRITEFUNCTION=error:0
    grep -q '^result 23, ' warm.out
}
@test "WRITEFUNCTION that takes less of a later piece" {
    local judge
    for judge in "${flavours[@]}"; do
        judged_by "$judge" "${begun[@]}" ask:large perform perform WRITEFUNCTION=short:2 quietly WRITEFUNCTION=short:0 perform perform
        grep -q '^result 23, ' warm.out
    done
}
@test "HEADERFUNCTION that aborts" {
    after HEADERFUNCTION=abort:1 perform HEADERFUNCTION=abort:0
    after HEADERFUNCTION=abort:2 perform HEADERFUNCTION=abort:0
    grep -q '^result 23, ' warm.out
}
# Only what is paused is to run into the time-out, on a machine that is busy, too: none is set for what comes after it, and
# it is not short for the answers that have to come first.
@test "callbacks that pause: nobody goes on with it, and it takes its time" {
    local pause
    for pause in WRITEFUNCTION=pause:1 WRITEFUNCTION=hold:1 HEADERFUNCTION=pause:2; do
        after TIMEOUT_MS=1500 perform perform "$pause" perform TIMEOUT_MS=0 "${pause%:*}:0"
        [ "$(grep -c '^result 28, ' warm.out)" -eq 1 ]
    done
}
@test "a callback that forks: both go on" {
    local judge
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        cached filling "$clients/$judge" "${begun[@]}" ask:large perform
        cached expected "$clients/$judge" "${begun[@]}" ask:large perform WRITEFUNCTION=fork:0 perform
        cached forked "$clients/$judge" "${begun[@]}" ask:large perform WRITEFUNCTION=fork:2 perform
        [ "$(grep -c '^result 0, "", in the order hb' forked.out)" -eq 5 ]
        diff <(sort -u expected.out) <(sort -u forked.out)
    done
}

# ---- what is set in between ----------------------------------------------------------------------

@test "options that change what is asked, or how it is told" {
    local step
    for step in USERAGENT=judge/1 'HTTPHEADER=+X-Request: 1' REFERER=https://example.com/ 'COOKIE=another=1' \
        HTTP_VERSION=2 FOLLOWLOCATION=1 TIMEOUT_MS=20000 BUFFERSIZE=1024 FAILONERROR=1 \
        SSL_VERIFYHOST=0 COOKIELIST=SESS 'HTTPHEADER=Content-Type: text/xml|SOAPAction: urn:vim25/6.0'; do
        after "$step" || { echo "$step" && return 1; }
    done
    # The large ones are gzipped by vCenter, and not by the cache.
    judged "${begun[@]}" ACCEPT_ENCODING=gzip perform perform perform
}
@test "options that no plain handle has" {
    local step
    for step in 'WRITEFUNCTION=scribble:0 HEADER=1' RANGE=0-99 CUSTOMREQUEST=PUT XFERINFOFUNCTION=on DEBUGFUNCTION=on MAXFILESIZE=100 FILETIME=1 \
        USERPWD=somebody:else TIMECONDITION=1 FRESH_CONNECT=1 FORBID_REUSE=1 \
        'HTTPHEADER=+Expect: 100-continue' 'HTTPHEADER=+Content-Length: 496' POSTQUOTE=noop; do
        # shellcheck disable=SC2086 # two steps, or one with a blank in its value
        case $step in
        HTTP*) the_long_way "$step" perform perform perform ;;
        *) the_long_way $step perform perform perform ;;
        esac || { echo "$step" && return 1; }
    done
}
@test "options that are set, and set back" {
    local step
    for step in 'WRITEFUNCTION=scribble:0 HEADER=1 perform HEADER=0' 'RANGE=0-99 perform RANGE=(null)' 'CUSTOMREQUEST=PUT perform CUSTOMREQUEST=(null)' \
        'XFERINFOFUNCTION=on perform NOPROGRESS=1' \
        'NOBODY=1 perform NOBODY=0 POST=1' 'HTTPGET=1 perform ask:name' 'UPLOAD=0 perform ask:name' 'POST=0 perform ask:name'; do
        # shellcheck disable=SC2086 # words
        after $step || { echo "$step" && return 1; }
    done
}
@test "a list of headers that is changed in place" {
    after 'HTTPHEADER=+X-Request: 1' perform perform 'line:Range: bytes=0-99'
    the_long_way 'HTTPHEADER=+X-Request: 1' perform perform 'line:X-Another: 2' perform
}
@test "cookies that are taken away" {
    judged "${begun[@]}" COOKIELIST=ALL perform perform
    grep -q NotAuthenticated warm.out
}
@test "a proxy that comes with the environment" {
    judged "${begun[@]}" env:https_proxy=http://127.0.0.1:1 quietly env:https_proxy= quietly
    grep -q '^result 7, ' warm.out
}
@test "another path, another vCenter's" {
    after pass:/nothing perform pass:/sdk
    judged "${begun[@]}" URL=https://127.0.0.1:1/sdk quietly quietly "URL=https://$VCENTER_HOST:$VCENTER_PORT/sdk" quietly quietly
}
@test "a share" { judged_here share "${begun[@]}" perform new ask:large perform perform use:0 perform; }
@test "into a multi and out of it" {
    judged_here "${begun[@]}" by:poll perform ask:large perform by:easy perform perform ask:name perform by:poll perform
}

# ---- what happens meanwhile ----------------------------------------------------------------------

# meanwhile STEP… -- COMMAND…: a program that has been answered three times waits for the command, and goes on with the steps.
# What it said of them is left in after.out, for each flavour in turn: then `expected` looks at it.
meanwhile() {
    local judge steps=()
    while [ "$1" != -- ]; do
        steps+=("$1")
        shift
    done
    shift
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR" go going.*
        mkfifo go
        cached going "$clients/$judge" ask:login quietly ask:name quietly quietly quietly say:ready wait:go "${steps[@]}" &
        until_said going 6
        "$@"
        vcenter_reset
        echo >go
        wait $!
        [ "$(cat going.status)" -eq 0 ]
        sed '1,/^ready/d' going.out >after.out
        expected || { cat after.out && vcenter_operations && echo "by $judge" && return 1; }
    done
}

@test "a write by another program: the next read is true" {
    export JUDGE_NEW_NAME=renamed
    expected() {
        JUDGE_NEW_NAME=DC0_H0_VM0 plainly back "$clients/judge" ask:login quietly ask:rename quietly
        grep -q '>renamed<' after.out
    }
    meanwhile perform -- cached write "$clients/judge" ask:login quietly ask:rename quietly
}
@test "a write by the program itself" {
    local judge
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        JUDGE_NEW_NAME=renamed cached write "$clients/$judge" "${begun[@]}" ask:rename quietly ask:name perform perform perform
        JUDGE_NEW_NAME=DC0_H0_VM0 plainly back "$clients/$judge" ask:login quietly ask:rename quietly
        [ "$(grep -c '>DC0_H0_VM0<' write.out)" -eq 2 ]
        [ "$(grep -c '>renamed<' write.out)" -eq 3 ]
    done
}
@test "what has grown old is asked for again" {
    export VCACHE_TTL=3 # and not a second: what is asked twice in turn is answered the second time
    expected() { [ "$(vcenter_operations)" = RetrievePropertiesEx ]; }
    grow_old() { until_clock $(($(now) + 3100)); }
    meanwhile quietly quietly -- grow_old
}
@test "what was flushed is asked for again" {
    expected() { [ "$(vcenter_operations)" = RetrievePropertiesEx ]; }
    meanwhile quietly quietly -- "$build/vcache-flush"
}
@test "a session that the origin has ended: healed, and what is stored still serves" {
    expected() {
        [ "$(grep -c '>DC0_H0_VM0<' after.out)" -eq 4 ] && ! grep -q NotAuthenticated after.out &&
            [ "$(vcenter_count RetrievePropertiesEx)" -le 1 ]
    }
    meanwhile perform ask:time quietly ask:name perform perform perform -- vcenter_control /end-sessions
}

# ---- many ----------------------------------------------------------------------------------------

@test "several handles in turns" {
    judged_here "${begun[@]}" new ask:login quietly ask:large perform perform perform use:0 perform perform use:1 perform
}
@test "threads, each with its own" {
    judged_here threads:8 "${begun[@]}" perform ask:large perform perform perform ask:name perform perform
}
@test "a child of fork, and its parent" {
    local judge
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        cached filling "$clients/$judge" "${begun[@]}" ask:large perform
        vcenter_reset
        cached forked "$clients/$judge" "${begun[@]}" fork perform ask:large perform perform
        origin_saw_nothing
        [ "$(grep -c '^result 0, "", in the order hb' forked.out)" -eq 8 ]
    done
}
@test "valgrind finds nothing" {
    local judge patience=600 # it takes ten times as long, and longer on a machine that is busy
    # libcurl 7.88 itself loses the names of cookie files when a handle that has some is duplicated or reset.
    printf '%s\n' '{' cookie-files Memcheck:Leak fun:malloc 'obj:*/libcurl*' fun:curl_slist_append 'obj:*/libcurl*' '}' >known
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        cached filling "$clients/judge" "${begun[@]}" ask:large perform
        cached checked valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --suppressions=known \
            --errors-for-leak-kinds=definite "$clients/$judge" "${begun[@]}" HEADERFUNCTION=look:3 WRITEFUNCTION=look:1 perform \
            COPYPOSTFIELDS=@name perform ask:large WRITEFUNCTION=short:2 perform WRITEFUNCTION=short:0 perform \
            WRITEFUNCTION=perform:1 perform WRITEFUNCTION=again:1 perform perform HEADERFUNCTION=abort:2 perform
        cat checked.err
        [ "$(cat checked.status)" -eq 0 ]
    done
}
