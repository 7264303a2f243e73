#!/usr/bin/env bats
# Nobody is answered with anything older than he accepts, nor with what a program under the shim has made stale.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    find='FindByInventoryPath:SearchIndex:SearchIndex:<inventoryPath>DC0/vm</inventoryPath>'
    name=read:VirtualMachine:vm-57:name
    children=read:Folder:folder-3:childEntity
    content=RetrieveServiceContent:ServiceInstance:ServiceInstance
    folder="folder-$BATS_TEST_NUMBER"
}
teardown() {
    end
    # Tests of this file change the inventory; the next one finds it as it was.
    use_vcenter "$BATS_FILE_TMPDIR/vcenter"
    for call in '/fail?times=0' /release '/task-time?ms=0'; do vcenter_control "$call" >/dev/null; done
    VCACHE_DISABLE=1 plainly restore "$ask" login 'Rename_Task:VirtualMachine:vm-57:<newName>DC0_H0_VM0</newName>' \
        PowerOnVM_Task:VirtualMachine:vm-57
}

create() { echo "CreateFolder:Folder:folder-3:<name>$1</name>"; }

# ---- time to live --------------------------------------------------------------------------------

@test "after VCACHE_TTL seconds vCenter is asked again" {
    local stored
    cached first "$ask" login "$name"
    stored=$(now)
    until_clock $((stored + 1000))
    vcenter_reset
    zero
    VCACHE_TTL=1 cached stale "$ask" login "$name"
    same first stale
    origin_was_asked RetrievePropertiesEx
    counted 'hit.session-lent 1' 'miss.stale 1' 'kept.stored 1'
}

@test "each reader brings his own: what is too old for one is good for the next" {
    local stored
    VCACHE_TTL=1 cached first "$ask" login "$name"
    stored=$(now)
    until_clock $((stored + 1000))
    vcenter_reset
    zero
    VCACHE_TTL=600 cached content "$ask" login "$name"
    same first content
    origin_was_not_asked
    counted 'hit.session-lent 1' 'hit.hit 1'
}

@test "a time to live of 0 answers no reads, and lends the login" {
    export VCACHE_TTL=0
    cached first "$ask" login "$name" "$find" logout
    vcenter_reset
    zero
    cached again "$ask" login "$name" "$find" logout
    same first again
    origin_was_asked RetrievePropertiesEx FindByInventoryPath
    counted 'hit.session-lent 1' 'hit.logout-kept 1' 'miss.ttl-zero 2' 'kept.stored 2'
}

@test "an operation may have a time to live of its own" {
    cached first "$ask" login "$name" "$find"
    vcenter_reset
    VCACHE_TTL=600,RetrievePropertiesEx=0 cached again "$ask" login "$name" "$find"
    same first again
    origin_was_asked RetrievePropertiesEx
    vcenter_reset
    VCACHE_TTL=0,FindByInventoryPath=600 cached again "$ask" login "$name" "$find"
    same first again
    origin_was_asked RetrievePropertiesEx
}

# ---- vcache-flush --------------------------------------------------------------------------------

@test "after vcache-flush vCenter is asked at once, for the login too" {
    cached first "$ask" login "$name" "$find"
    vcenter_reset
    cached warm "$ask" login "$name" "$find"
    origin_was_not_asked
    "$build/vcache-flush"
    cached again "$ask" login "$name" "$find"
    same first again
    origin_was_asked Login RetrievePropertiesEx FindByInventoryPath
}

@test "a flush takes what it was told to take, and leaves the rest" {
    cached first "$ask" login "$name" "$find"
    vcenter_reset
    "$build/vcache-flush" --object vm-57
    cached again "$ask" login "$name" "$find"
    origin_was_asked RetrievePropertiesEx
    vcenter_reset
    "$build/vcache-flush" --operation FindByInventoryPath
    cached again "$ask" login "$name" "$find"
    origin_was_asked FindByInventoryPath
    vcenter_reset
    "$build/vcache-flush" --sessions
    cached again "$ask" login "$name" "$find"
    origin_was_asked Login
    vcenter_reset
    "$build/vcache-flush" --endpoint vc.example.com
    cached again "$ask" login "$name" "$find"
    origin_was_not_asked
    "$build/vcache-flush" --endpoint "$VCENTER_HOST"
    cached again "$ask" login "$name" "$find"
    origin_was_asked Login RetrievePropertiesEx FindByInventoryPath
    same first again
}

# ---- writes --------------------------------------------------------------------------------------

@test "a write is seen by the next read, and what is read then is stored again" {
    cached before "$ask" login "$children" "$name"
    cached write "$ask" login "$(create "$folder")"
    grep -q '^CreateFolder 200 ' write.out
    vcenter_reset
    zero
    cached after "$ask" login "$children" "$name"
    origin_was_asked RetrievePropertiesEx RetrievePropertiesEx
    counted 'hit.session-lent 1' 'miss.invalidated 2' 'kept.stored 2'
    plainly truth "$ask" login "$children" "$name"
    same truth after
    run ! cmp before.out after.out
    vcenter_reset
    cached warm "$ask" login "$children" "$name"
    same truth warm
    origin_was_not_asked
}

# Every language reads what every other one wrote.
@test "a VM renamed by pyVmomi has its new name for all" {
    local reader
    local -A readers=([python]="$python $scripts/inventory.py" [ruby]="ruby $scripts/inventory.rb"
        [perl]="perl $scripts/inventory.pl" [php]="php $scripts/inventory.php")
    for reader in "${!readers[@]}"; do
        # shellcheck disable=SC2086 # words
        cached "$reader-before" ${readers[$reader]}
    done
    [ "$(counter kept.stored)" -gt 0 ]
    cached write "$python" "$scripts/write.py" DC0_H0_VM3 rename renamed-by-python
    grep -qx 'rename DC0_H0_VM3 success' write.out
    [ "$(counter bypass.task)" -eq 1 ]
    for reader in "${!readers[@]}"; do
        # shellcheck disable=SC2086 # words
        cached "$reader-after" ${readers[$reader]}
        went_well "$reader-after"
        # shellcheck disable=SC2086 # words
        plainly "$reader-truth" ${readers[$reader]}
        same "$reader-truth" "$reader-after"
        grep -q renamed-by-python "$reader-after.out"
    done
    cached write "$python" "$scripts/write.py" renamed-by-python rename DC0_H0_VM3
    went_well write
}

@test "a VM switched off by rbvmomi is off for pyVmomi" {
    cached before "$python" "$scripts/inventory.py"
    vcenter_reset
    cached warm "$python" "$scripts/inventory.py"
    origin_was_not_asked
    grep -q '^DC0_H0_VM0 .* poweredOn ' warm.out
    cached write ruby "$scripts/write.rb" DC0_H0_VM0 power-off
    went_well write
    cached after "$python" "$scripts/inventory.py"
    grep -q '^DC0_H0_VM0 .* poweredOff ' after.out
    plainly truth "$python" "$scripts/inventory.py"
    same truth after
}

@test "pyVmomi's and rbvmomi's writers see their own writes, and end as without the shim" {
    plainly bare "$python" "$scripts/write.py" DC0_H0_VM4 memory 1024
    cached memory "$python" "$scripts/write.py" DC0_H0_VM4 memory 1024
    same bare memory
    plainly bare "$python" "$scripts/write.py" DC0_H0_VM4 power-on
    [ "$status" -eq 1 ]
    grep -q InvalidPowerState bare.out
    cached refused "$python" "$scripts/write.py" DC0_H0_VM4 power-on
    same bare refused
    [ "$(counter bypass.task)" -eq 2 ]
    plainly bare ruby "$scripts/write.rb" - folder "$folder-a"
    cached made ruby "$scripts/write.rb" - folder "$folder-b"
    diff <(sed 's/-a$/-b/' bare.out) made.out
    went_well made
}

@test "another user's write is seen" {
    cached before "$ask" login "$children"
    VCENTER_USER=reader@vsphere.local VCENTER_PASSWORD=vcache-Secret-2 cached write "$ask" login "$(create "$folder")"
    grep -q '^CreateFolder 200 ' write.out
    vcenter_reset
    cached after "$ask" login "$children"
    origin_was_asked RetrievePropertiesEx
    run ! cmp before.out after.out
}

# until_done TASK: asked of vCenter, so that no program under the shim knows of it.
until_done() {
    for _ in $(seq 200); do
        plainly state "$ask" login "read:Task:$1:info.state"
        grep -q '>success<' state.out && return
        sleep 0.05
    done
    return 1
}

@test "while a task runs vCenter is asked, and afterwards too" {
    local task
    cached before "$ask" login "$name"
    vcenter_control '/task-time?ms=1500'
    cached write "$ask" login 'Rename_Task:VirtualMachine:vm-57:<newName>slow</newName>'
    task=$(sed -n 's/.*<returnval type="Task">\([^<]*\)<.*/\1/p' write.out)
    vcenter_reset
    zero
    cached during "$ask" login "$name"
    origin_was_asked RetrievePropertiesEx
    counted 'hit.session-lent 1' 'miss.fenced 1'
    until_done "$task"
    cached after "$ask" login "$name"
    grep -q '>slow<' after.out
}

@test "so it is where the cache was removed meanwhile, once a program that knew of the task has asked again" {
    local task
    mkfifo go
    vcenter_control '/task-time?ms=1500'
    cached write "$ask" login 'Rename_Task:VirtualMachine:vm-57:<newName>slow</newName>' wait:go "$children" &
    until_said write 2
    task=$(sed -n 's/.*<returnval type="Task">\([^<]*\)<.*/\1/p' write.out)
    rm -rf "$VCACHE_DIR"
    cached maker "$ask" login "$children"
    : >go
    wait
    vcenter_reset
    cached during "$ask" login "$name"
    cached again "$ask" login "$name"
    origin_was_asked RetrievePropertiesEx RetrievePropertiesEx
    until_done "$task"
    cached after "$ask" login "$name"
    grep -q '>slow<' after.out
    # A program under the shim sees its end: then answers are kept again.
    cached end "$ask" login "read:Task:$task:info.state"
    cached stored "$ask" login "$name"
    vcenter_reset
    cached warm "$ask" login "$name"
    origin_was_not_asked
}

@test "a task that nobody watches keeps reads from being answered for VCACHE_FENCE seconds, no longer" {
    local written
    cached before "$ask" login "$name"
    VCACHE_FENCE=1 cached write "$ask" login 'Rename_Task:VirtualMachine:vm-57:<newName>watched</newName>'
    written=$(now)
    # A task's fence is counted in quarters of a second.
    until_clock $((written + 1250))
    cached after "$ask" login "$name"
    grep -q '>watched<' after.out
    vcenter_reset
    cached again "$ask" login "$name"
    same after again
    origin_was_not_asked
}

@test "an operation that is not known is taken for a write" {
    cached before "$ask" login "$name"
    plainly bare "$ask" login FrobnicateVM:VirtualMachine:vm-57
    zero
    cached write "$ask" login FrobnicateVM:VirtualMachine:vm-57
    same bare write
    counted 'hit.session-lent 1' 'bypass.unknown 1'
    vcenter_reset
    zero
    cached after "$ask" login "$name"
    same before after
    origin_was_asked RetrievePropertiesEx
    counted 'hit.session-lent 1' 'miss.invalidated 1' 'kept.stored 1'
}

@test "a write that failed, or whose answer was lost, is taken for one that was done" {
    local how
    for how in fault=HostNotConnected status=503 before=1 reset=1 truncate=1; do
        export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-$how
        cached before "$ask" login "$children"
        vcenter_control "/fail?$how&operation=CreateFolder" >/dev/null
        cached write "$ask" login "$(create "$folder-${how%=*}")"
        run ! grep -q '^CreateFolder 200 ' write.out
        vcenter_reset
        zero
        cached after "$ask" login "$children"
        origin_was_asked RetrievePropertiesEx
        case $how in
            # Refused: it is over. Broken off: nobody knows whether it goes on.
            fault* | status*) counted 'hit.session-lent 1' 'miss.invalidated 1' 'kept.stored 1' ;;
            *) counted 'hit.session-lent 1' 'miss.fenced 1' ;;
        esac
        plainly truth "$ask" login "$children"
        same truth after
        case $how in
            # The simulator did these, and nobody heard of it.
            reset* | truncate*) run ! cmp before.out after.out ;;
            *) cmp before.out after.out ;;
        esac
    done
}

@test "a writer that is killed before it has its answer leaves nothing stale" {
    cached before "$ask" login "$children"
    vcenter_reset
    vcenter_control '/hold?operation=CreateFolder' >/dev/null
    cached write "$ask" pid:writer login "$(create "$folder")" &
    vcenter_control '/await?operation=CreateFolder&count=1&seconds=60'
    kill -KILL "$(cat writer)"
    wait
    vcenter_control /release
    zero
    cached after "$ask" login "$children"
    [ "$(vcenter_count RetrievePropertiesEx)" -eq 1 ]
    counted 'hit.session-lent 1' 'miss.fenced 1'
    plainly truth "$ask" login "$children"
    same truth after
    run ! cmp before.out after.out
}

@test "what was asked before a write and answered after it is not stored" {
    cached before "$ask" login "$name"
    vcenter_reset
    vcenter_control '/hold?operation=RetrievePropertiesEx' >/dev/null
    cached slow "$ask" login "$children" &
    vcenter_control '/await?operation=RetrievePropertiesEx&count=1&seconds=60'
    cached write "$ask" login "$(create "$folder")"
    grep -q '^CreateFolder 200 ' write.out
    zero
    vcenter_control /release
    wait
    counted 'kept.not-fresh 1'
    vcenter_reset
    cached after "$ask" login "$children"
    origin_was_asked RetrievePropertiesEx
    plainly truth "$ask" login "$children"
    same truth after
    run ! cmp slow.out after.out
}

@test "while a write waits for its answer reads are neither answered nor stored" {
    cached before "$ask" login "$children"
    vcenter_reset
    vcenter_control '/hold?operation=CreateFolder' >/dev/null
    cached write "$ask" login "$(create "$folder")" &
    vcenter_control '/await?operation=CreateFolder&count=1&seconds=60'
    zero
    cached during "$ask" login "$children"
    cached during "$ask" login "$children"
    [ "$(vcenter_count RetrievePropertiesEx)" -eq 2 ]
    counted 'hit.session-lent 2' 'miss.fenced 2'
    vcenter_control /release
    wait
    grep -q '^CreateFolder 200 ' write.out
    vcenter_reset
    cached after "$ask" login "$children"
    cached again "$ask" login "$children"
    same after again
    origin_was_asked RetrievePropertiesEx
}

# ---- one vCenter, several names ------------------------------------------------------------------

@test "what is written to a vCenter by one name is seen by who calls it by another" {
    VCENTER_HOST=localhost cached before "$ask" "$content" login "$children" "$name"
    vcenter_reset
    VCENTER_HOST=localhost cached warm "$ask" "$content" login "$children" "$name"
    same before warm
    origin_was_not_asked
    cached write "$ask" "$content" login "$(create "$folder")"
    grep -q '^CreateFolder 200 ' write.out
    vcenter_reset
    zero
    VCENTER_HOST=localhost cached after "$ask" login "$children" "$name"
    origin_was_asked RetrievePropertiesEx RetrievePropertiesEx
    counted 'hit.session-lent 1' 'miss.invalidated 2' 'kept.stored 2'
    plainly truth "$ask" login "$children" "$name"
    same truth after
    run ! cmp <(tail -n 2 before.out) <(tail -n 2 after.out)
}

@test "a VM renamed by pyVmomi, which says the address, has its new name for rbvmomi, which says the name" {
    VCENTER_HOST=localhost cached before ruby "$scripts/inventory.rb"
    vcenter_reset
    VCENTER_HOST=localhost cached warm ruby "$scripts/inventory.rb"
    same before warm
    origin_was_not_asked
    cached write "$python" "$scripts/write.py" DC0_H0_VM2 rename renamed-by-address
    went_well write
    VCENTER_HOST=localhost cached after ruby "$scripts/inventory.rb"
    plainly truth ruby "$scripts/inventory.rb"
    same truth after
    grep -q renamed-by-address after.out
    cached write "$python" "$scripts/write.py" renamed-by-address rename DC0_H0_VM2
    went_well write
}

@test "while a task runs vCenter is asked by every name, until its end is seen by one" {
    local task
    VCENTER_HOST=localhost cached before "$ask" "$content" login "$name"
    vcenter_control '/task-time?ms=1500'
    cached write "$ask" "$content" login 'Rename_Task:VirtualMachine:vm-57:<newName>slow</newName>'
    task=$(sed -n 's/.*<returnval type="Task">\([^<]*\)<.*/\1/p' write.out)
    vcenter_reset
    zero
    VCENTER_HOST=localhost cached during "$ask" login "$name"
    origin_was_asked RetrievePropertiesEx
    counted 'hit.session-lent 1' 'miss.fenced 1'
    for _ in $(seq 200); do
        VCENTER_HOST=localhost cached state "$ask" login "read:Task:$task:info.state"
        grep -q '>success<' state.out && break
        sleep 0.05
    done
    grep -q '>success<' state.out
    cached after "$ask" login "$name"
    grep -q '>slow<' after.out
    vcenter_reset
    cached again "$ask" login "$name"
    same after again
    origin_was_not_asked
}

@test "what is written by a program that did not ask which vCenter it is is seen by every name" {
    local reader=("$ask" "$content" login "$children") writer=("$ask" login)
    VCENTER_HOST=localhost cached before "${reader[@]}"
    cached write "${writer[@]}" "$(create "$folder-a")"
    grep -q '^CreateFolder 200 ' write.out
    vcenter_reset
    VCENTER_HOST=localhost cached after "${reader[@]}"
    origin_was_asked RetrieveServiceContent RetrievePropertiesEx
    plainly truth "${reader[@]}"
    same truth after
    # And the other way round.
    cached before "${writer[@]}" "$children"
    VCENTER_HOST=localhost cached write "${reader[@]}" "$(create "$folder-b")"
    vcenter_reset
    cached after "${writer[@]}" "$children"
    origin_was_asked RetrievePropertiesEx
    plainly truth "${writer[@]}" "$children"
    same truth after
}

@test "what was read before it was known which vCenter answers is given afterwards, too" {
    cached first "$ask" get:/sdk/vimServiceVersions.xml login "$name"
    cached known "$ask" "$content"
    vcenter_reset
    cached again "$ask" get:/sdk/vimServiceVersions.xml login "$name"
    same first again
    origin_was_not_asked
}

@test "a write to one vCenter leaves what was read from another" {
    local own=$VCENTER_DIR
    cached first "$ask" "$content" login "$children"
    another_vcenter second --identity second
    cached second "$ask" "$content" login "$children"
    vcenter_control '/task-time?ms=60000'
    cached write "$ask" "$content" login "$(create "$folder")" \
        'Rename_Task:VirtualMachine:vm-57:<newName>never</newName>'
    grep -q '^CreateFolder 200 ' write.out
    grep -q '^Rename_Task 200 ' write.out
    vcenter_reset
    cached during "$ask" "$content" login "$children"
    origin_was_asked RetrieveServiceContent RetrievePropertiesEx
    use_vcenter "$own"
    vcenter_reset
    cached again "$ask" "$content" login "$children"
    same first again
    origin_was_not_asked
}
