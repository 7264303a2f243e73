#!/usr/bin/env bats
# Many programs that share a login, and some that need a session of their own: each is told its own, and no more sessions
# and views are left behind than must be.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2154
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/sessions.bash"
vcenter_options=(--vms 10 --uneven)

setup() {
    begin
    export ASK_NAMES=1
    patience=60
    client=$build/tests/clients/client
}

# ---- eight at once -------------------------------------------------------------------------------

vms=(DC0_H0_VM{0..4} DC0_C0_RP0_VM{0..2})

# together KIND COMMAND…: eight at once, ready before the tasks of any begin, each with a VM of its own.
together() {
    local kind=$1 i pids=()
    shift
    for i in "${!vms[@]}"; do
        mkfifo "go-$i"
        WAIT_TOGETHER=go-$i $kind "$kind-$i" "$@" "${vms[i]}" &
        pids+=($!)
    done
    for i in "${!vms[@]}"; do : >"go-$i"; done
    wait "${pids[@]}"
    rm go-?
}

# each_its_own COMMAND: eight at once in programs that share a login say what they say without the shim.
each_its_own() {
    local i
    # Who fails leaves a VM with another name, for nobody else to stumble over.
    another_vcenter own --vms 10 --task-time 150ms
    together plainly "$@"
    borrowing() {
        from_nothing
        lend
        together cached "$@"
    }
    undisturbed borrowing "$@"
    for i in "${!vms[@]}"; do
        went_well "plainly-$i"
        same "plainly-$i" "cached-$i"
    done
}

@test "eight at once: pyVmomi's WaitForTask" {
    each_its_own "$python" "$scripts/wait.py" task
    logins 8
    [ "$(keys)" = "$lent" ]
}

@test "eight at once: each is told of its own and of no other's" {
    each_its_own "$python" "$scripts/wait.py" updates
    [ "$(cat cached-?.out | grep -c 'of others: 0')" -eq 16 ]
    [ "$(keys)" = "$lent" ]
}

@test "eight at once: rbvmomi's wait_for_completion" {
    each_its_own ruby "$scripts/wait.rb" completion
    [ "$(keys)" = "$lent" ]
}

@test "eight at once: rbvmomi's wait_for_progress" {
    each_its_own ruby "$scripts/wait.rb" progress
    [ "$(keys)" = "$lent" ]
}

@test "eight at once: Ansible's way, in the session that is lent" {
    each_its_own "$python" "$scripts/wait.py" poll
    logins 0
    [ "$(at_origin Rename_Task session | sort -u)" = "$lent" ]
    [ "$(keys)" = "$lent" ]
}

# ---- a hundred -----------------------------------------------------------------------------------

# hundred: programs that never log out and never destroy their views, of which $1 need a session of their own.
hundred() {
    local i many=() kinds=(VirtualMachine HostSystem Datastore)
    for ((i = 0; i < 100; i++)); do
        if ((i < $1)); then
            cached "run-$i" "$ask" login "$filter" updates &
        elif ((i % 5)); then
            cached "run-$i" "$client" blocking 1 leaves &
        else
            cached "run-$i" "$ask" login "${view/VirtualMachine/${kinds[i % 3]}}" as:view 'read:ContainerView:{view}:view' &
        fi
        many+=($!)
        if ((${#many[@]} == 4)); then
            wait "${many[@]}"
            many=()
        fi
    done
}

# all_went_well: of that hundred.
all_went_well() {
    local i
    for ((i = 0; i < 100; i++)); do went_well "run-$i" || return; done
    cat run-*.out >all
    run ! grep -E '^[A-Za-z]+ (5[0-9][0-9]|[A-Za-z]*Error) ' all
}

@test "after a hundred programs: one session, and no more views than are distinct" {
    trial() {
        from_nothing
        hundred 0
    }
    undisturbed trial
    all_went_well
    [ "$(vcenter_sessions)" -eq 1 ]
    [ "$(vcenter_views)" -le 3 ]
    logins 1
}

@test "after a hundred programs of which ten are alone: as many sessions, and one; and all had room" {
    another_vcenter own --vms 10 --uneven --max-sessions 12
    trial() {
        from_nothing
        lend
        hundred 10
    }
    undisturbed trial
    all_went_well
    [ "$(vcenter_sessions)" -eq 11 ]
    [ "$(vcenter_views)" -le 3 ]
    logins 10
    still_lent
}
