#!/usr/bin/env bats
# Whatever goes wrong, a program on libcurl ends as without the shim, too: the judge on each flavour of it, virsh, the curl
# command. (What goes wrong inside the cache, whoever asks: faults.bats.)
#
# Scripts in single quotes are for other shells, and every test is a process of its own:
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2119

bats_require_minimum_version 1.5.0

setup_file() {
    # shellcheck source=tests/programs/faults/faults.bash
    source "$BATS_TEST_DIRNAME/faults/faults.bash"
    file_vcenter --vms 10
}
teardown_file() {
    # shellcheck source=tests/programs/faults/faults.bash
    source "$BATS_TEST_DIRNAME/faults/faults.bash"
    end_file
}
setup() {
    # shellcheck source=tests/programs/faults/faults.bash
    source "$BATS_TEST_DIRNAME/faults/faults.bash"
    begin_fault
    unset SSL_CERT_FILE # the curl command takes a CA from it
    vcenter_control '/framing?mode=length' >/dev/null
    clients=$build/tests/clients
    know_vcenter
}
teardown() {
    local job
    for job in $(jobs -p); do kill -KILL "$job" 2>/dev/null; done
    cd / || return
    if [ -n "${PUBLIC-}" ]; then rm -rf "$PUBLIC"; fi
    end
}

# know_vcenter: sets the programs, which ask this vCenter.
know_vcenter() {
    local url=https://$VCENTER_HOST:$VCENTER_PORT
    export LIBVIRT_DEBUG=4 LIBVIRT_AUTH_FILE=$BATS_TEST_TMPDIR/auth.conf
    printf '%s\n' '[credentials-vcenter]' "username=$VCENTER_USER" "password=$VCENTER_PASSWORD" \
        "[auth-esx-$VCENTER_HOST]" credentials=vcenter >"$LIBVIRT_AUTH_FILE"
    steps=(ask:login quietly ask:name perform ask:large perform by:poll perform ask:name perform)
    judge=("$clients/judge" "${steps[@]}")
    gnutls=("$clients/judge-gnutls" "${steps[@]}")
    virsh=(virsh --connect "vpx://$VCENTER_HOST:$VCENTER_PORT/DC0/DC0_H0?no_verify=1" 'list --all; dumpxml DC0_H0_VM1')
    curl=(curl --silent --show-error --cacert "$VCENTER_CA" "$url/sdk/vimServiceVersions.xml" "$url/sdk/vimService.wsdl")
    everybody=(judge gnutls virsh curl)
}

# each FUNCTION WORD…: for each program, with $program for its command, and what it prints without the shim expected.
each() {
    local name
    for name in "${everybody[@]}"; do
        local -n program=$name
        plainly expected "${program[@]}"
        [ "$(cat expected.status)" -eq 0 ] && [ -s expected.out ] && "$@" || { echo "with $name" && return 1; }
        unset -n program
    done
}

# as_without COMMAND…: started by that command, the program shows what it shows without the shim, twice.
as_without() { right "$@" "${program[@]}" && right "$@" "${program[@]}"; }

# answered COMMAND…: the same; and the second time vCenter is asked nothing.
answered() { right "$@" "${program[@]}" && vcenter_reset && right "$@" "${program[@]}" && origin_was_asked; }

# passed_on COMMAND…: the same; and each time vCenter is asked for all of it.
passed_on() {
    local all
    vcenter_reset
    plainly bare "${program[@]}"
    all=$(vcenter_count)
    for _ in 1 2; do
        vcenter_reset
        right "$@" "${program[@]}" || return
        [ "$(vcenter_count)" -eq "$all" ] || { echo "asked $(vcenter_count) of $all" && return 1; }
    done
}

# binds_nothing COMMAND…: the same; and it makes no socket with a name in the file system, which somebody else might take.
binds_nothing() {
    passed_on "$@" || return
    right strace -f -qqq -o trace -e trace=bind "$@" "${program[@]}" || return
    ! grep AF_UNIX trace
}

@test "nothing goes wrong" { each answered "$vcache"; }

# ---- the directory -------------------------------------------------------------------------------

@test "no directory at all: libcurl's sockets are in no other" {
    needs_tracing
    each binds_nothing env -u HOME -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u VCACHE_DIR "$vcache"
}

@test "the directory of another user, one that is a link, a file: libcurl's sockets are not there" {
    needs_root
    needs_tracing
    mkdir -m 777 "$VCACHE_DIR"
    chown "$nobody" "$VCACHE_DIR"
    each binds_nothing "$vcache"
    [ -z "$(ls -A "$VCACHE_DIR")" ]
    rmdir "$VCACHE_DIR"
    mkdir -m 700 elsewhere
    ln -s "$PWD/elsewhere" "$VCACHE_DIR"
    each binds_nothing "$vcache"
    [ -z "$(ls -A elsewhere)" ]
    rm "$VCACHE_DIR"
    echo mine >"$VCACHE_DIR"
    each binds_nothing "$vcache"
    [ "$(cat "$VCACHE_DIR")" = mine ]
}

@test "few descriptors: where the program can do with them, it still can, and does not hang" {
    local least
    steps=(ask:login quietly ask:name perform by:poll perform by:epoll perform)
    judge=("$clients/judge" "${steps[@]}")
    gnutls=("$clients/judge-gnutls" "${steps[@]}")
    patience=20
    each with_few_descriptors
}
with_few_descriptors() {
    local least limit
    for ((least = 4; least < 40; least++)); do
        run_into run prlimit --nofile="$least" "${program[@]}"
        if same expected run >/dev/null; then break; fi
    done
    [ "$least" -lt 40 ] || return
    for ((limit = least; limit < least + 32; limit++)); do
        right prlimit --nofile="$limit" env "LD_PRELOAD=$shim" "${program[@]}" || { echo "$limit descriptors" && return 1; }
    done
    answered env "LD_PRELOAD=$shim"
}
@test "no descriptor is lost where there is no cache" {
    local many=()
    export VCACHE_DIR=/proc/none
    for _ in {1..40}; do many+=(FRESH_CONNECT=1 quietly); done
    judge=("$clients/judge" ask:login quietly ask:name "${many[@]}")
    everybody=(judge)
    each as_without prlimit --nofile=24 "$vcache"
}
