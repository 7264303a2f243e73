#!/usr/bin/env bats
# No read under the shim hides a write of a program under the shim, and no program fails of what it would not have failed
# of without: thousands of random steps of eight programs at once, each read judged by what the vCenter had, each failure
# by what had been done to it (oracle.py). And the judge finds what it must: the same shim with a fault planted. `make soak`
# does as many steps as one likes.

bats_require_minimum_version 1.5.0

setup() {
    build=${VCACHE_BUILD:-$BATS_TEST_DIRNAME/../../build}
    oracle=$BATS_TEST_DIRNAME/oracle.py
    cd "$BATS_TEST_TMPDIR" || return
    export TMPDIR=$BATS_TEST_TMPDIR
}

# After a failure: what the oracle left is kept, for bats removes its own.
teardown() {
    [ -z "$BATS_TEST_COMPLETED" ] || return 0
    local kept=$build/tests/failed/oracle-$BATS_TEST_NUMBER
    rm -rf "$kept"
    mkdir -p "${kept%/*}"
    cp -a "$BATS_TEST_TMPDIR" "$kept"
    echo "the whole of it is in $kept"
}

@test "programs at once: no read hides a write, no program fails" {
    "$oracle" --build "$build" --seed 1 --steps 6000 --without faults
}

@test "the same with programs killed, sessions ended, connections closed, requests refused, the cache flushed and removed" {
    "$oracle" --build "$build" --seed 2 --steps 6000
}

# A run ends when it has found something: after a few thousand steps, mostly, but how the programs interleave is the
# machine's affair, and on a busy one it may take many times as many.
most_steps=150000

# finds FAULT: the first read that the planted fault makes stale ends the run, long before its last step.
finds() {
    run "$oracle" --build "$build" --shim "$build/tests/planted/$1" --seed 3 --steps "$most_steps" --without faults
    echo "$output" | tee output
    [ "$status" -eq 1 ]
    [[ "$output" == *"A READ HIDES AN OWN WRITE"* ]]
    # What was read, what it hides, and how to have it again.
    [[ "$output" == *"It contradicts:"*"sent"* ]]
    [[ "$output" == *"--seed 3"* ]]
}

@test "it finds a shim without fences" { finds never_fenced; }

@test "it finds a shim without generations" { finds no_generation; }

@test "it finds a shim that takes a task for done when it has begun" { finds unfenced_tasks; }

@test "it finds a shim that knows of a write only when it is answered" { finds late_fence; }

# fails FAULT WHAT: the same of the first program that fails and would not have without the shim, of WHAT (a regular
# expression). In which round that is hangs on the machine.
fails() {
    run "$oracle" --build "$build" --shim "$build/tests/planted/$1" --seed 3 --steps "$most_steps"
    echo "$output" | tee output
    [ "$status" -eq 1 ]
    grep -Eq "^A PROGRAM FAILS.*: ($2)" output
    [[ "$output" == *"--seed "* ]]
}

@test "it finds a shim that opens no session anew" { fails never_heals "fault NotAuthenticated"; }

# Nor can it open a session anew when the connection ends with the response that says so.
@test "it finds a shim that opens no connection anew" { fails never_renews "connection|fault NotAuthenticated"; }
