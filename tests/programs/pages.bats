#!/usr/bin/env bats
# Long answers, which vCenter gives in pages: from the store whole or not at all, and always to the end.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup_file() {
    file_vcenter --vms 1000 --page 100
    plainly bare "$ask" login names:1000 rest
    cp "$BATS_TEST_TMPDIR/bare.out" "$BATS_FILE_TMPDIR/bare.out"
}
setup() {
    begin
    all=(login names:1000 rest)
    page=ContinueRetrievePropertiesEx
    pages=(RetrievePropertiesEx)
    for _ in {1..9}; do pages+=("$page"); done
}
teardown() {
    # Who still waits does so no longer.
    for fifo in "$BATS_TEST_TMPDIR"/*.go; do
        if [ -p "$fifo" ]; then timeout 1 bash -c ': >"$1"' - "$fifo"; fi
    done
    end
}

# is_whole NAME…: these runs printed what one without the shim prints.
is_whole() {
    for name; do
        went_well "$name"
        diff -u "$BATS_FILE_TMPDIR/bare.out" "$BATS_TEST_TMPDIR/$name.out"
    done
}

# is_asked_anew NAME: a run that has every page from vCenter.
is_asked_anew() {
    vcenter_reset
    cached "$1" "$ask" "${all[@]}"
    is_whole "$1"
    diff -u --label expected --label arrived <(printf '%s\n' "${pages[@]}" | sort) \
        <(vcenter_operations | grep -vx Login | sort)
}

# begin_slowly NAME FIRST THEN: a run that reads FIRST, then waits until `go_on NAME`, then reads THEN.
begin_slowly() {
    mkfifo "$1.go"
    # shellcheck disable=SC2086 # words
    cached "$1" "$ask" login $2 say:begun "wait:$1.go" $3 &
    # shellcheck disable=SC2086 # words
    until_said "$1" "$(printf '%s\n' login $2 begun | wc -l)"
}
go_on() {
    : >"$1.go"
    rm "$1.go"
}

# ended NAME: waits for such a run; what it said in between is taken out.
ended() {
    wait
    sed -i /^begun$/d "$1.out"
}

# ---- whole -----------------------------------------------------------------------------------------

@test "a thousand VMs in pages of a hundred: a warm run asks nothing and reads the same" {
    is_asked_anew cold
    counted 'miss.no-session 1' 'kept.session-stored 1' 'miss.absent 1' 'miss.page 9' 'kept.recorded 9' \
        'kept.stored 1'
    vcenter_reset
    zero
    cached warm "$ask" "${all[@]}"
    is_whole warm
    origin_was_not_asked
    counted 'hit.session-lent 1' 'hit.hit 1' 'hit.next-page 9'
    "$build/vcache-stat" | grep -q '^Stored  *1 response,'
}

@test "pyVmomi reads a thousand VMs from the store, however vCenter frames and packs them" {
    local way
    plainly bare "$python" "$scripts/inventory.py"
    went_well bare
    [ "$(wc -l <bare.out)" -eq 1000 ]
    for way in gzip?policy=always gzip?policy=never framing?mode=chunked framing?mode=close; do
        export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-${way##*=}
        vcenter_control "/$way" >/dev/null
        cached cold "$python" "$scripts/inventory.py"
        same bare cold
        vcenter_reset
        cached warm "$python" "$scripts/inventory.py"
        same bare warm
        origin_was_not_asked
        [ "$(counter hit.next-page)" -eq 9 ]
    done
}

@test "pages of another size are another question" {
    is_asked_anew cold
    vcenter_reset
    cached sizes "$ask" login names:50 rest
    [ "$(vcenter_count)" -eq 20 ]
    [ "$(grep -c '^[a-z]' sizes.out)" -eq 21 ]
    vcenter_reset
    cached again "$ask" login names:50 rest names:1000 rest
    origin_was_not_asked
    diff -u <(tail -n 20 sizes.out) <(sed -n 2,21p again.out)
    diff -u <(tail -n 10 cold.out) <(tail -n 10 again.out)
}

@test "pages are read over several connections" {
    local steps='next close next next close rest'
    # shellcheck disable=SC2086 # words
    cached cold "$ask" login names:1000 $steps
    is_whole cold
    vcenter_reset
    # shellcheck disable=SC2086 # words
    cached warm "$ask" login names:1000 close $steps
    is_whole warm
    origin_was_not_asked
}

@test "what one user has read in pages another user reads himself" {
    is_asked_anew cold
    vcenter_reset
    VCENTER_USER=reader@vsphere.local VCENTER_PASSWORD=vcache-Secret-2 cached other "$ask" "${all[@]}"
    origin_was_asked Login "${pages[@]}"
    diff -u <(tail -n 10 cold.out) <(tail -n 10 other.out)
}

@test "a time to live of 0 answers no page" {
    is_asked_anew cold
    export VCACHE_TTL=0
    is_asked_anew again
}

# ---- or not at all ---------------------------------------------------------------------------------

@test "a chain that is given up in the middle is never served to the next" {
    local steps
    for steps in names:1000 'names:1000 next' 'names:1000 next next next next next next next next'; do
        # shellcheck disable=SC2086 # words
        cached part "$ask" login $steps
        [ "$(counter kept.stored)" -eq 0 ]
        vcenter_reset
        # shellcheck disable=SC2086 # words
        cached again "$ask" login $steps
        same part again
        # shellcheck disable=SC2086 # words
        origin_was_asked "${pages[@]:0:$(wc -w <<<"$steps")}"
    done
    is_asked_anew whole
    [ "$(counter kept.stored)" -eq 1 ]
}

@test "one that vCenter was told of to give up is not stored either" {
    plainly bare "$ask" login names:1000 next cancel next
    cached cancelled "$ask" login names:1000 next cancel next
    same bare cancelled
    [ "$(counter kept.stored)" -eq 0 ]
    is_asked_anew whole
}

@test "giving up a stored chain is answered without vCenter, in its words" {
    plainly bare "$ask" login names:1000 next cancel names:1000
    is_asked_anew cold
    vcenter_reset
    zero
    cached warm "$ask" login names:1000 next cancel names:1000
    same bare warm
    origin_was_not_asked
    counted 'hit.session-lent 1' 'hit.hit 2' 'hit.next-page 1' 'hit.pages-kept 1'
}

@test "a chain with a page that failed is not stored" {
    local how
    for how in status=503 fault=HostNotConnected before=1 reset=1 truncate=1; do
        export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-$how
        vcenter_control "/fail?$how&operation=$page" >/dev/null
        cached broken "$ask" login names:1000 next next
        run ! grep -q '^next 200 .*<token>' <(sed -n 3p broken.out)
        [ "$(counter kept.stored)" -eq 0 ]
        is_asked_anew "whole-$how"
    done
}

@test "a chain that a write overtook is not stored" {
    cached before "$ask" login
    begin_slowly slow 'names:1000 next next' rest
    cached write "$ask" login 'CreateFolder:Folder:folder-3:<name>written</name>'
    grep -q '^CreateFolder 200 ' write.out
    zero
    go_on slow
    ended slow
    is_whole slow
    [ "$(counter kept.not-fresh)" -eq 1 ]
    [ "$(counter kept.stored)" -eq 0 ]
    is_asked_anew whole
}

@test "a chain that is too large for the store is read at vCenter each time" {
    export VCACHE_MAX_SIZE=1M
    is_asked_anew cold
    [ "$(counter kept.not-size)" -eq 1 ]
    is_asked_anew again
}

# ---- forgotten whole, and read to its end ----------------------------------------------------------

@test "whichever of its pages has to go, all of it goes, and the next run reads the same" {
    local line vm
    is_asked_anew cold
    for line in $(seq 2 11); do
        # The last VM of the page.
        vm=$(sed -n "${line}p" cold.out | grep -o '>vm-[0-9]*<' | tail -n 1 | tr -d '<>')
        [ "$("$build/vcache-flush" --object "$vm")" = "removed 1 response" ]
        is_asked_anew again
        vcenter_reset
        cached warm "$ask" "${all[@]}"
        is_whole warm
        origin_was_not_asked
    done
    [ "$("$build/vcache-flush" --operation $page)" = "removed 0 responses" ]
    [ "$("$build/vcache-flush" --operation RetrievePropertiesEx)" = "removed 1 response" ]
    is_asked_anew again
}

@test "a chain that is flushed between its third and its fourth page is read to its end" {
    is_asked_anew cold
    vcenter_reset
    begin_slowly warm 'names:1000 next next' rest
    "$build/vcache-flush" --operation RetrievePropertiesEx
    go_on warm
    ended warm
    is_whole warm
    origin_was_not_asked
    is_asked_anew again
}

@test "so is one whose whole cache is removed" {
    is_asked_anew cold
    vcenter_reset
    begin_slowly warm 'names:1000 next next' rest
    rm -r "$VCACHE_DIR"
    go_on warm
    ended warm
    is_whole warm
    origin_was_not_asked
}

@test "so is one that is evicted" {
    local size
    export VCACHE_MAX_SIZE=3M
    is_asked_anew cold
    vcenter_reset
    begin_slowly warm 'names:1000 next next' rest
    for size in $(seq 101 130); do
        # The same pages; not the same question.
        cached other "$ask" login "names:$size" rest
    done
    [ "$(counter event.evicted)" -gt 0 ]
    vcenter_reset
    go_on warm
    ended warm
    is_whole warm
    origin_was_not_asked
    is_asked_anew again
}

@test "so is one that a write has overtaken, and the next run sees the write" {
    is_asked_anew cold
    vcenter_reset
    begin_slowly warm 'names:1000 next next' rest
    cached write "$ask" login 'Rename_Task:VirtualMachine:vm-57:<newName>renamed</newName>'
    cached state "$ask" login "read:Task:$(sed -n 's/.*<returnval type="Task">\([^<]*\)<.*/\1/p' write.out):info.state"
    grep -q '>success<' state.out
    vcenter_reset
    go_on warm
    ended warm
    is_whole warm
    origin_was_not_asked
    cached after "$ask" "${all[@]}"
    origin_was_asked "${pages[@]}"
    grep -q '>renamed<' after.out
    plainly truth "$ask" "${all[@]}"
    same truth after
    plainly restore "$ask" login 'Rename_Task:VirtualMachine:vm-57:<newName>DC0_H0_VM0</newName>'
}

@test "so is one that has grown too old; the next run asks anew" {
    local stored ttl
    # Longer for a machine on which it begins too late.
    for ttl in 10 40 160; do
        rm -rf "$VCACHE_DIR"
        is_asked_anew cold
        stored=$(now)
        vcenter_reset
        VCACHE_TTL=$ttl begin_slowly warm 'names:1000 next next' rest
        [ "$(vcenter_count)" -gt 0 ] || break
        go_on warm
        ended warm
        rm warm.out
    done
    origin_was_not_asked
    until_clock $((stored + ttl * 1000))
    go_on warm
    ended warm
    is_whole warm
    origin_was_not_asked
    VCACHE_TTL=$ttl is_asked_anew again
}

@test "so is one whose session vCenter has ended" {
    is_asked_anew cold
    begin_slowly warm 'names:1000 next next' rest
    vcenter_control /end-sessions >/dev/null
    vcenter_reset
    go_on warm
    ended warm
    is_whole warm
    origin_was_not_asked
}

# ---- several at once -------------------------------------------------------------------------------

@test "two programs at once on one chain, which is not stored yet: each reads it at vCenter" {
    cached before "$ask" login
    vcenter_reset
    begin_slowly one 'names:1000 next next' rest
    begin_slowly two 'names:1000 next' rest
    go_on one
    # Who stores it at the same moment may find that the other holds the store.
    until_said one 12
    go_on two
    ended one
    ended two
    is_whole one two
    origin_was_asked "${pages[@]}" "${pages[@]}"
    [ "$(counter kept.stored)" -eq 2 ]
    vcenter_reset
    cached warm "$ask" "${all[@]}"
    is_whole warm
    origin_was_not_asked
}

@test "two programs at once on one chain, which is stored: one gives up, the other does not notice" {
    is_asked_anew cold
    vcenter_reset
    begin_slowly one 'names:1000 next next' rest
    begin_slowly two 'names:1000 next' cancel
    go_on two
    go_on one
    ended one
    ended two
    is_whole one
    grep -q '^cancel 200 ' two.out
    origin_was_not_asked
}

@test "threads of one process on the same chain, and on one with the same tokens at vCenter" {
    local read=("$python" "$scripts/pages-in-threads.py" name name config.uuid)
    plainly bare "${read[@]}"
    went_well bare
    [ "$(cut -d' ' -f1 bare.out | uniq -c | tr -s ' ')" = ' 3 1000' ]
    cold_and_warm() {
        from_nothing
        cached cold "${read[@]}"
        same bare cold
        vcenter_reset
        zero
        cached warm "${read[@]}"
        same bare warm
    }
    undisturbed cold_and_warm
    origin_was_not_asked
    [ "$(counter hit.next-page)" -eq 27 ]
}

@test "threads of one process, one on a stored chain, one on the same tokens at vCenter" {
    local read=("$python" "$scripts/pages-in-threads.py")
    plainly bare "${read[@]}" name config.uuid
    mixed() {
        from_nothing
        cached names "${read[@]}" name
        vcenter_reset
        zero
        cached mixed "${read[@]}" name config.uuid
        same bare mixed
    }
    undisturbed mixed
    [ "$(counter hit.next-page)" -eq 9 ]
    [ "$(vcenter_count $page)" -eq 9 ]
}
