#!/usr/bin/env bats
# HTTP as it may come: whatever the framing, the coding and the rhythm, a program is given the same answer with the shim
# as without.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"
vcenter_options=(--vms 60)

setup() {
    begin
    wire=$scripts/wire.py
}

# is_the_same SCENARIO [ARGUMENT…]: without the shim, cold, warm; leaves the counters of the warm run.
is_the_same() {
    plainly bare "$wire" "$@"
    went_well bare
    cached cold "$wire" "$@"
    same bare cold
    zero
    vcenter_reset
    cached warm "$wire" "$@"
    same bare warm
}

# ---- requests ------------------------------------------------------------------------------------

@test "a request that is written, and an answer that is read, byte by byte" {
    is_the_same pieces
    origin_was_not_asked
    counted 'hit.hit 2'
}

@test "an answer that is read in pieces of any size" {
    is_the_same sizes
    origin_was_not_asked
    [ "$(counter hit.hit)" -eq 43 ]
}

@test "a request in chunks" {
    is_the_same chunked
    origin_was_not_asked
    counted 'hit.hit 4'
    # It is the same question without them.
    cached once "$wire" once
    went_well once
    origin_was_not_asked
}

@test "a request that waits for 100 Continue" {
    is_the_same expect
    origin_was_not_asked
    counted 'hit.hit 4'
}

@test "several requests before the first answer" {
    is_the_same pipelined
    [ "$(counter bypass.pipelined)" -gt 0 ]
}

@test "the beginning of a request at the end of another" {
    is_the_same overlapping
    [ "$(counter bypass.pipelined)" -gt 0 ]
}

@test "HTTP/1.0" {
    is_the_same http10
    origin_was_not_asked
    counted 'hit.hit 2'
}

@test "Connection: close: to the program the connection is closed, cleanly" {
    is_the_same close
    origin_was_not_asked
    counted 'hit.hit 2'
}

@test "TLS is taken down after an answer that vCenter did not give" {
    is_the_same goodbye
    origin_was_not_asked
}

@test "other paths and methods between, on the same connection" {
    is_the_same mixed
    # What is for no cache went to vCenter, and nothing else did.
    origin_was_asked 'HEAD /sdk/vimServiceVersions.xml' 'POST /echo' 'GET /' 'GET /folder/x' 'PUT /sdk'
}

@test "a connection that begins with something else is left alone" {
    is_the_same foreign
    origin_was_asked 'POST /echo' RetrieveServiceContent
    counted
}

@test "what is not HTTP gets the answer that it deserves" {
    is_the_same garbage
}

@test "requests larger than any that is looked at" {
    is_the_same large
    [ "$(vcenter_count RetrieveServiceContent)" -ge 2 ]
    [ "$(counter bypass.request-size)" -eq 2 ]
}

@test "a program that sleeps until there is something to read is woken" {
    is_the_same select
    origin_was_not_asked
    counted 'hit.hit 8'
}

@test "when its answer was read, a connection is idle" {
    is_the_same idle
    origin_was_not_asked
    counted 'hit.hit 3'
}

# ---- answers -------------------------------------------------------------------------------------

@test "answers in every framing, in a coding or without" {
    local framing gzip read=read:VirtualMachine:vm-57:config
    plainly bare "$ask" login "$read"
    went_well bare
    for framing in length chunked close; do
        for gzip in never always; do
            vcenter_control "/framing?mode=$framing" >/dev/null
            vcenter_control "/gzip?policy=$gzip" >/dev/null
            export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-$framing-$gzip ASK_HEADERS='Accept-Encoding: gzip'
            vcenter_reset
            cached cold "$ask" login "$read"
            same bare cold
            cached warm "$ask" login "$read"
            same bare warm
            origin_was_asked Login RetrievePropertiesEx
            # Who reads it need not take the coding it came in.
            unset ASK_HEADERS
            cached plain "$ask" login "$read"
            same bare plain
            origin_was_asked Login RetrievePropertiesEx
        done
    done
}

@test "nobody is given a coding that he did not ask for" {
    local first next accepted=('' identity gzip 'gzip,deflate' 'gzip;q=0' '*;q=0, identity')
    vcenter_control '/gzip?policy=always' >/dev/null
    for first in "${accepted[@]}"; do
        export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-${#first}
        rm -rf "$VCACHE_DIR"
        for next in "$first" "${accepted[@]}"; do
            plainly bare "$wire" coding ${next:+"$next"}
            cached shim "$wire" coding ${next:+"$next"}
            same bare shim
            grep -qx 'acceptable: True' shim.out
        done
        # Two of them are the same question in the same words.
        [ "$(counter hit.hit)" -gt 0 ]
    done
}

@test "large answers" {
    local every='RetrievePropertiesEx:PropertyCollector:propertyCollector:<specSet><propSet><type>VirtualMachine</type>
        <all>true</all></propSet><objectSet><obj type="Folder">folder-3</obj><skip>true</skip><selectSet
        xsi:type="TraversalSpec"><type>Folder</type><path>childEntity</path></selectSet></objectSet></specSet><options/>'
    local framing
    plainly bare "$ask" login "$every"
    went_well bare
    [ "$(wc -c <bare.out)" -gt 200000 ]
    for framing in length chunked close; do
        vcenter_control "/framing?mode=$framing" >/dev/null
        export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-$framing
        vcenter_reset
        for name in cold warm; do
            cached $name "$ask" login "$every"
            same bare $name
        done
        origin_was_asked Login RetrievePropertiesEx
    done
}

@test "real programs, whatever the framing and the coding" {
    local framing gzip program
    local -A programs=([python]="$python $scripts/inventory.py" [ruby]="ruby $scripts/inventory.rb"
        [perl]="perl $scripts/inventory.pl --keep-alive" [php]="php $scripts/inventory.php")
    for program in "${!programs[@]}"; do
        # shellcheck disable=SC2086 # words
        plainly "$program-bare" ${programs[$program]}
    done
    for framing in length chunked close; do
        [ $framing = length ] && gzip=never || gzip=always
        vcenter_control "/framing?mode=$framing" >/dev/null
        vcenter_control "/gzip?policy=$gzip" >/dev/null
        export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-$framing
        for name in cold warm; do
            vcenter_reset
            for program in "${!programs[@]}"; do
                # shellcheck disable=SC2086 # words
                cached "$program-$name" ${programs[$program]}
                same "$program-bare" "$program-$name"
            done
        done
        origin_was_not_asked
    done
}
