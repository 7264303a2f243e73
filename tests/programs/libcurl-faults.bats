#!/usr/bin/env bats
# Whatever goes wrong, a program on libcurl ends as without the shim, too: the judge on each flavour of it, virsh, the curl
# command. (What goes wrong inside the cache, whoever asks: faults.bats.)
#
# Scripts in single quotes are for other shells, and every test is a process of its own:
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2119

bats_require_minimum_version 1.5.0

# shellcheck source=tests/programs/faults/faults.bash
source "$BATS_TEST_DIRNAME/faults/faults.bash"

setup() {
    begin_fault
    unset SSL_CERT_FILE # the curl command takes a CA from it
    vcenter_control '/framing?mode=length' >/dev/null
    clients=$build/tests/clients
    know_vcenter
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
    # Its threads open some at once, or one after the other, as it happens: a pair for each to be woken by.
    if [ "$name" = virsh ]; then least=$((least + 4)); fi
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

@test "a directory with blanks, and one whose path no socket can have" {
    local size long
    for size in 60 85 90 95 100 105 110 300 2000; do
        long=$BATS_TEST_TMPDIR/a\ b
        while [ ${#long} -lt "$size" ]; do long+=$(printf '/%.50s' "${long//\//-}"); done
        VCACHE_DIR=$long
        each answered "$vcache" || { echo "path of ${#long} bytes" && return 1; }
        rm -rf "$long"
    done
}

@test "a read-only directory, empty and with a cache in it" {
    needs_mounts
    mkdir -m 700 "$VCACHE_DIR"
    each passed_on "$in_mounts" 'mount --bind "$VCACHE_DIR" "$VCACHE_DIR"; mount -o remount,bind,ro "$VCACHE_DIR"' "$vcache"
    [ -z "$(ls -A "$VCACHE_DIR")" ]
    each answered "$vcache"
    each as_without "$in_mounts" 'mount --bind "$VCACHE_DIR" "$VCACHE_DIR"; mount -o remount,bind,ro "$VCACHE_DIR"' "$vcache"
}

@test "no writable directory at all, by somebody who is not root; one directory for root and him" {
    needs_root
    client=$clients/judge
    public
    cp "$clients/judge-gnutls" "$PUBLIC"
    clients=$PUBLIC
    know_vcenter
    everybody=(judge gnutls curl)
    each passed_on "${as_nobody[@]}" env -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u VCACHE_DIR HOME=/ "$vcache"
    each as_without "$vcache"
    chmod 755 "$BATS_TEST_TMPDIR"
    each passed_on "${as_nobody[@]}" env "VCACHE_DIR=$VCACHE_DIR" "$vcache"
    each answered "$vcache"
}

@test "a disk without room, or without inodes" {
    needs_mounts
    local options
    for options in size=8k size=300k size=420k size=448k size=512k size=1m nr_inodes={1..6}; do
        each as_without "$in_mounts" "mkdir -p '$VCACHE_DIR'; mount -t tmpfs -o mode=700,$options none '$VCACHE_DIR'" \
            sh -c '"$@" >/dev/null; "$@"' sh "$vcache" || { echo "$options" && return 1; }
    done
}

@test "without /proc" {
    needs_mounts
    everybody=(judge gnutls curl)
    each as_without "$in_mounts" 'mount -t tmpfs none /proc' env "LD_PRELOAD=$shim"
    VCACHE_DIR=$BATS_TEST_TMPDIR/$(printf '%0100d' 1)
    each as_without "$in_mounts" 'mount -t tmpfs none /proc' env "LD_PRELOAD=$shim"
}

@test "the directory is removed, and made unfit, between two requests of a program" {
    local program act
    mkfifo go
    for program in judge judge-gnutls; do
        for act in 'rm -rf "$VCACHE_DIR"' 'mv "$VCACHE_DIR" "$VCACHE_DIR-old"' 'rm -rf "$VCACHE_DIR"; echo mine >"$VCACHE_DIR"' \
            'rm "$VCACHE_DIR"/*'; do
            plainly bare "$clients/$program" ask:login quietly ask:name perform FRESH_CONNECT=1 ask:name perform
            rm -rf "$VCACHE_DIR"
            in_background run "$vcache" "$clients/$program" ask:login quietly ask:name perform say:there wait:go FRESH_CONNECT=1 \
                ask:name perform
            awaits appears there run.out
            eval "$act"
            opened go
            wait $!
            sed -i '/^there$/d' run.out
            same bare run || { echo "$program, $act" && return 1; }
        done
    done
}

# ---- the process ---------------------------------------------------------------------------------

@test "SIGKILL at random moments" {
    each killed
}
killed() {
    local try
    for ((try = 0; try < 12; try++)); do
        if ((try % 4 == 0)); then rm -rf "$VCACHE_DIR"; fi
        "$vcache" "${program[@]}" >/dev/null 2>&1 3>&- &
        # A random moment: whichever it is, what follows is right.
        sleep "0.0$((RANDOM % 90 + 10))"
        kill -KILL $! 2>/dev/null || true
        wait $! || true
        if ((try % 3 == 0)); then right "$vcache" "${program[@]}" || return; fi
    done
    answered "$vcache"
}

@test "standard input, output and error closed" {
    each answered sh -c 'exec 0<&- 2>&-; exec "$@"' sh "$vcache"
    # What it prints is an error then, unless something is where its output was.
    each closed_alike
}
closed_alike() {
    local closed=(sh -c 'exec 0<&- 1>&- 2>&-; "$@"; status=$?; exec >status; echo $status' sh)
    plainly bare "${closed[@]}" "${program[@]}"
    mv status bare-status
    for _ in 1 2; do
        plainly under "${closed[@]}" "$vcache" "${program[@]}"
        cmp status bare-status && same bare under || return
    done
    answered "$vcache"
}

@test "under setsid, timeout, nice, env -i, another session leader, a terminal" {
    everybody=(judge gnutls curl)
    each answered setsid --wait "$vcache"
    each answered timeout 50 "$vcache"
    each answered nice "$vcache" nice
    everybody=(curl)
    each answered env -i "VCACHE_DIR=$VCACHE_DIR" "$vcache"
    each answered env -i "VCACHE_DIR=$VCACHE_DIR" "$vcache" env -i "LD_PRELOAD=$shim" "VCACHE_DIR=$VCACHE_DIR"
    everybody=(virsh)
    each answered setsid --wait "$vcache"
}

@test "RLIMIT_AS, RLIMIT_FSIZE, no memory may be locked" {
    everybody=(judge gnutls curl)
    for limit in --as=300000000 --as=600000000; do
        each as_without prlimit "$limit" "$vcache" || { echo "$limit" && return 1; }
    done
    each answered prlimit --memlock=0 "$vcache"
    everybody=(curl) # the others print more than that
    each as_without prlimit --fsize=4096 "$vcache"
}
