#!/usr/bin/env bats
# VCACHE_STALE_IF_ERROR: what is stored may be served past its time when the origin fails, and says so.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    fields=$scripts/fields.py
    export VCACHE_TTL=0.5
}

# stored: a read that is stored, and older than VCACHE_TTL.
stored() {
    cached fresh "$fields" login read
    [ "$(said fresh)" = $'login 200   \nread 200 DC0_H0_VM0  ' ]
    until_clock $(($(now) + 500))
    zero
}
fails() { vcenter_control "/fail?times=2&operation=RetrievePropertiesEx&$1" >/dev/null; }

stale='read 200 DC0_H0_VM0 Age 111 vcache "Revalidation Failed"'

@test "a stale response is served when the origin answers 502, 503 or 504, and says that it is" {
    local code
    stored
    for code in 502 503 504; do
        fails "status=$code"
        plainly bare "$fields" login read
        grep -q "^read $code" bare.out
        zero
        VCACHE_STALE_IF_ERROR=60 cached served "$fields" login read
        [ "$(tail -n 1 served.out)" = "$stale" ]
        counted 'hit.session-lent 1' 'miss.stale 1' 'hit.stale-if-error 1' 'kept.not-status 1'
    done
    grep -q 'RetrievePropertiesEx hit stale-if-error age=[0-9.]* ' "$VCACHE_LOG"
}

@test "a stale response is served when the connection breaks" {
    local how
    stored
    for how in before reset truncate; do
        # A read that died before any of its response is sent again first.
        vcenter_control "/fail?times=9&operation=RetrievePropertiesEx&$how=1" >/dev/null
        plainly bare "$fields" login read
        run ! grep -q '^read 200' bare.out
        VCACHE_STALE_IF_ERROR=60 cached served "$fields" login read
        [ "$(tail -n 1 served.out)" = "$stale" ]
        vcenter_control '/fail?times=0' >/dev/null
    done
}

@test "a stale response is served when the origin closed and is there no more" {
    another_vcenter own --vms 10
    cached fresh "$fields" login read
    mkfifo go
    VCACHE_STALE_IF_ERROR=60 cached served "$fields" login read wait:go read &
    until_said served 2
    until_clock $(($(now) + 500))
    vcenter_stop
    echo >go
    wait $!
    [ "$(tail -n 1 served.out)" = "$stale" ]
}

@test "the connection goes on after it" {
    stored
    fails status=503
    plainly bare "$fields" login read
    VCACHE_STALE_IF_ERROR=60 cached served "$fields" login read read
    [ "$(sed -n 2p served.out)" = "$stale" ]
    [ "$(sed -n 3p served.out)" = 'read 200 DC0_H0_VM0  ' ]
}

@test "who did not ask for it is served nothing stale" {
    stored
    fails status=503
    plainly bare "$fields" login read
    cached served "$fields" login read
    same bare served
}

@test "an answer that is no failure of the way is the program's, whatever it says" {
    stored
    fails status=500
    plainly bare "$fields" login read
    VCACHE_STALE_IF_ERROR=60 cached served "$fields" login read
    same bare served
    grep -q '^read 500' served.out
}

@test "what is too old even for that is not served" {
    stored
    fails status=503
    plainly bare "$fields" login read
    VCACHE_STALE_IF_ERROR=0.001 cached served "$fields" login read
    same bare served
}

@test "what was stored before a write is not served, however much the reader would accept" {
    stored
    VCACHE_FENCE=1 cached write "$python" "$scripts/write.py" DC0_H0_VM1 memory 2048
    went_well write
    fails status=503
    plainly bare "$fields" login read
    VCACHE_STALE_IF_ERROR=60 cached served "$fields" login read
    same bare served
}
