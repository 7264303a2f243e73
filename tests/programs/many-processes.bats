#!/usr/bin/env bats
# Many processes at once: of those that ask the same, one asks vCenter; and whatever becomes of that one, the others end
# as they would have.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    find='FindByInventoryPath:SearchIndex:SearchIndex:<inventoryPath>DC0/vm</inventoryPath>'
    name=read:VirtualMachine:vm-57:name
}

# alone NAME COMMAND…: without the shim, and nothing of it is left.
alone() {
    plainly "$@"
    from_nothing
}

# start_together N STEP…: N askers, run-1 to run-N, all ready before the first step of any.
start_together() {
    local count=$1 i
    shift
    for i in $(seq "$count"); do
        rm -f "go-$i" "run-$i.out"
        mkfifo "go-$i"
        cached "run-$i" "$ask" say:ready "wait:go-$i" "$@" &
    done
    for i in $(seq "$count"); do until_said "run-$i" 1; done
    for i in $(seq "$count"); do : >"go-$i"; done
}

@test "of eight that ask the same at once, one asks vCenter" {
    local i
    alone bare "$ask" say:ready login "$name" "$find" RetrieveServiceContent:ServiceInstance:ServiceInstance
    vcenter_control '/delay?ms=250' >/dev/null
    eight() {
        from_nothing
        start_together 8 login "$name" "$find" RetrieveServiceContent:ServiceInstance:ServiceInstance
        wait
    }
    undisturbed eight
    for i in $(seq 8); do same bare "run-$i"; done
    origin_was_asked Login RetrievePropertiesEx FindByInventoryPath RetrieveServiceContent
    [ "$(counter requests)" -eq 32 ]
    [ "$(counter hits)" -eq 28 ]
    [ "$(counter hit.collapsed)" -gt 0 ]
    [ "$(counter event.wait-ended)" -eq 0 ]
    [ "$(vcenter_sessions)" -eq 1 ]
}

@test "of six pyVmomi inventories at once, all together ask what one asks" {
    local i requests
    VCACHE_DIR=$BATS_TEST_TMPDIR/other cached alone "$python" "$scripts/inventory.py"
    mapfile -t requests < <(vcenter_operations)
    vcenter_control '/delay?ms=100' >/dev/null
    six() {
        from_nothing
        for i in $(seq 6); do cached "run-$i" "$python" "$scripts/inventory.py" & done
        wait
    }
    undisturbed six
    for i in $(seq 6); do same alone "run-$i"; done
    origin_was_asked "${requests[@]}"
    [ "$(vcenter_sessions)" -eq 1 ]
    [ "$(vcenter_views)" -eq 2 ]
}

@test "programs that word their login differently, at once: one login" {
    local i
    vcenter_control '/delay?ms=150' >/dev/null
    two_of_each() {
        from_nothing
        for i in 1 2; do
            cached "pyvmomi-$i" "$python" "$scripts/inventory.py" &
            cached "requests-$i" "$python" "$scripts/with-requests.py" &
            cached "ask-$i" "$ask" login "$name" logout &
            ASK_HEADERS='SOAPAction: urn:vim25/5.0' cached "older-$i" "$ask" login "$name" logout &
        done
        wait
    }
    undisturbed two_of_each
    for i in 1 2; do
        went_well "pyvmomi-$i"
        went_well "requests-$i"
        went_well "ask-$i"
        went_well "older-$i"
    done
    [ "$(vcenter_count Login)" -eq 1 ]
    [ "$(vcenter_sessions)" -eq 1 ]
}

# Those on non-blocking sockets are not held up, and may ask what another is asking.
@test "programs of several languages at once end as they would alone" {
    local i program
    local -A programs=([python]="$python $scripts/inventory.py" [ruby]="ruby $scripts/inventory.rb"
        [perl]="perl $scripts/inventory.pl" [php]="php $scripts/inventory.php")
    for program in "${!programs[@]}"; do
        # shellcheck disable=SC2086 # words
        plainly "$program" ${programs[$program]}
    done
    vcenter_control '/delay?ms=50' >/dev/null
    for i in 1 2; do
        for program in "${!programs[@]}"; do
            # shellcheck disable=SC2086 # words
            cached "$program-$i" ${programs[$program]} &
        done
    done
    wait
    for i in 1 2; do
        for program in "${!programs[@]}"; do same "$program" "$program-$i"; done
    done
    [ "$(counter hits)" -gt 0 ]
}

# holder_is_killed_in OPERATION: while it waits for the answer to OPERATION and four others wait for it.
holder_is_killed_in() {
    local i
    alone bare "$ask" say:ready login "$name"
    four_and_holder() {
        from_nothing
        vcenter_control "/hold?operation=$1" >/dev/null
        cached holder "$ask" pid:holder login "$name" &
        vcenter_control "/await?operation=$1&count=1&seconds=60"
        start_together 4 login "$name"
        kill -KILL "$(cat holder)"
        # Others ask in its place.
        vcenter_control "/await?operation=$1&count=2&seconds=60"
        vcenter_control /release
        wait
    }
    undisturbed four_and_holder "$1"
    for i in 1 2 3 4; do same bare "run-$i"; done
    [ "$(counter requests)" -ge 9 ]
    [ "$(cat holder.status)" -eq 137 ]
    [ "$(vcenter_count "$1")" -le 5 ]
    # None of them waited for the dead one to the end of its patience.
    [ "$(counter event.wait-ended)" -eq 0 ]
}

@test "the one that asks is killed in the middle of a read" { holder_is_killed_in RetrievePropertiesEx; }

@test "the one that asks is killed in the middle of a login" { holder_is_killed_in Login; }

@test "the one that asks is stopped: the others wait for a while, and ask for themselves" {
    local i
    alone bare "$ask" say:ready login "$name"
    cached warm "$ask" login
    vcenter_reset
    vcenter_control '/hold?operation=RetrievePropertiesEx' >/dev/null
    cached holder "$ask" pid:holder login "$name" &
    vcenter_control '/await?operation=RetrievePropertiesEx&count=1&seconds=60'
    kill -STOP "$(cat holder)"
    vcenter_control /release
    start_together 2 login "$name"
    for i in 1 2; do until_said "run-$i" 3; done
    kill -CONT "$(cat holder)"
    wait
    for i in 1 2; do same bare "run-$i"; done
    went_well holder
    [ "$(vcenter_count RetrievePropertiesEx)" -le 3 ]
    [ "$(counter event.wait-ended)" -gt 0 ]
}

@test "what one got cannot be stored: the others ask for themselves" {
    local i
    vcenter_control '/delay?ms=300' >/dev/null
    five() {
        from_nothing
        cached warm "$ask" login
        vcenter_control '/fail?times=0' >/dev/null
        vcenter_control '/fail?status=503&times=1&operation=RetrievePropertiesEx' >/dev/null
        start_together 5 login "$name"
        wait
    }
    undisturbed five
    [ "$(cat run-?.out | grep -c '^read 503')" -eq 1 ]
    [ "$(cat run-?.out | grep -c '^read 200 .*DC0_H0_VM0')" -eq 4 ]
    [ "$(vcenter_count RetrievePropertiesEx)" -le 5 ]
    [ "$(counter kept.not-status)" -eq 1 ]
}

@test "a wrong password among right ones is refused, and they are not" {
    local i
    alone bare "$ask" say:ready login "$name"
    vcenter_control '/delay?ms=200' >/dev/null
    three_of_each() {
        from_nothing
        for i in 1 2 3 4 5 6; do
            rm -f "go-$i" "run-$i.out"
            mkfifo "go-$i"
            if ((i % 2)); then
                cached "run-$i" "$ask" say:ready "wait:go-$i" login "$name" &
            else
                VCENTER_PASSWORD=wrong cached "run-$i" "$ask" say:ready "wait:go-$i" login "$name" &
            fi
        done
        for i in 1 2 3 4 5 6; do until_said "run-$i" 1; done
        for i in 1 2 3 4 5 6; do : >"go-$i"; done
        wait
    }
    undisturbed three_of_each
    for i in 1 3 5; do same bare "run-$i"; done
    for i in 2 4 6; do
        grep -q '^login 500 .*InvalidLogin' "run-$i.out"
        grep -q '^read 500 .*NotAuthenticated' "run-$i.out"
    done
    [ "$(vcenter_sessions)" -eq 1 ]
    # One right login, and each wrong one.
    [ "$(vcenter_count Login)" -eq 4 ]
}

@test "readers and a writer at once: what is stored at the end is what is true" {
    local i round
    for round in 1 2 3; do
        for i in 1 2 3 4; do
            cached "reader-$i" "$ask" login "$name" read:Folder:folder-3:childEntity "$name" \
                read:Folder:folder-3:childEntity &
        done
        cached writer "$ask" login "CreateFolder:Folder:folder-3:<name>round-$round</name>" \
            "CreateFolder:Folder:folder-3:<name>round-$round-again</name>" &
        wait
        [ "$(grep -c '^CreateFolder 200 ' writer.out)" -eq 2 ]
        cached after "$ask" login "$name" read:Folder:folder-3:childEntity
        plainly truth "$ask" login "$name" read:Folder:folder-3:childEntity
        same truth after
    done
    [ "$(counter bypass.write)" -eq 6 ]
}
