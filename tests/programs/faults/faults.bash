# What the tests of faults share. A test runs the client plainly once (`expect STEP…`), and whatever happens to the
# cache after that, a run under the shim shows the same (`right COMMAND…`).

# What is set here is used in the tests, and what is used comes from common.bash:
# shellcheck disable=SC2034,SC2119,SC2154

# shellcheck source=tests/programs/common.bash
source "$BATS_TEST_DIRNAME/common.bash"

faults=$programs/faults
vcache=$build/vcache
shim=$build/libvcache.so
made=$BATS_FILE_TMPDIR/made
client=$made/client
in_mounts=$faults/in-mounts

# A run with a login, answers of 4 KB, 28 KB and 350 KB, and a logout.
reads=(hello login names counters logout)

setup() { begin_fault; }
teardown() {
    local job
    for job in $(jobs -p); do kill -KILL "$job" 2>/dev/null; done
    cd / || return
    if [ -n "${PUBLIC-}" ]; then rm -rf "$PUBLIC"; fi
    end
}

make_programs() {
    mkdir -p "$made"
    gcc -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -o "$client" "$faults/client.c" -lssl -lcrypto -lpthread &&
        gcc -std=gnu17 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -o "$made/readers" "$faults/readers.c" -llmdb
}

# As begin, with a cache that is small enough to be copied, and no log: a log is a fault of its own.
begin_fault() {
    begin
    export VCACHE_MAX_SIZE=16M
    unset VCACHE_LOG VCACHE_LOG_LEVEL
}

# expect STEP…: what the client shows without the shim.
expect() {
    plainly expected "$client" "$@"
    [ -s expected.out ]
}

# right COMMAND…: it shows what was expected.
right() {
    run_into run "$@"
    same expected run
}

# right_cached STEP…: the same, of the client under the shim.
right_cached() { right "$vcache" "$client" "$@"; }

# is_warm: a run of the reads is right and asks the origin nothing.
is_warm() {
    vcenter_reset
    right_cached "${reads[@]}" && origin_was_asked
}

# works_again: the second run of two is warm.
works_again() { right_cached "${reads[@]}" && is_warm; }

# passes_through COMMAND…: right, and the origin was asked for all of it.
passes_through() {
    vcenter_reset
    right "$@" && [ "$(vcenter_count)" -eq "$(grep -c '^[a-z]*: 200' expected.out)" ]
}

# in_background NAME COMMAND…: as run_into; its process is $!, and `ended NAME` waits for it.
in_background() { (run_into "$@") 3>&- & }

# opened FIFO: somebody waits at the FIFO, and may go on. Within a bound: who never comes is a failure.
# shellcheck disable=SC2016 # for the inner shell
opened() { timeout 60 sh -c ': >"$1"' sh "$1"; }

# awaits COMMAND…: returns when the command has succeeded; fails if it does not come to that.
awaits() {
    local tries
    for ((tries = 0; tries < 1200; tries++)); do
        if "$@"; then return 0; fi
        sleep 0.05
    done
    echo "never came true: $*" >&2
    return 1
}

# awaits_requests COUNT [OPERATION]: they have arrived at the origin.
awaits_requests() { vcenter_control "/await?count=$1${2:+&operation=$2}&seconds=60" >/dev/null; }

says() { grep -qF -e "$1" "$2"; }

# appears TEXT FILE: as says, for waiting: the file need not be there yet.
appears() { grep -qF -e "$1" "$2" 2>/dev/null; }

# on_the_cache: sets the words that let strace look at calls on the cache's files alone.
on_the_cache() {
    local file
    on_the_cache=(-P "$VCACHE_DIR")
    for file in shared shared.new locks data.mdb lock.mdb; do on_the_cache+=(-P "$VCACHE_DIR/$file"); done
}

# ---- what a machine may not allow ------------------------------------------------------------------

needs_mounts() {
    "$in_mounts" 'mount -t tmpfs none /mnt' true 2>/dev/null || skip "mount namespaces are not to be had here"
}

needs_root() {
    if [ "$(id -u)" -ne 0 ]; then skip "becoming another user takes root"; fi
}

needs_tracing() {
    strace -f -qqq -o /dev/null true 2>/dev/null || skip "tracing is not allowed here"
}

# public: a directory that every user may read, with all that a run needs; PUBLIC names it, and teardown removes it.
public() {
    PUBLIC=$(mktemp -d /tmp/vcache-test.XXXXXX)
    chmod 755 "$PUBLIC"
    cp "$shim" "$vcache" "$client" "$VCENTER_CA" "$PUBLIC"
    chmod a+rX "$PUBLIC"/*
    export VCENTER_CA=$PUBLIC/ca.pem SSL_CERT_FILE=$PUBLIC/ca.pem
    client=$PUBLIC/client
    vcache=$PUBLIC/vcache
}

# as_nobody COMMAND…
nobody=65534
as_nobody=(setpriv --reuid "$nobody" --regid "$nobody" --clear-groups)

# traced CALL ACTION: sets the words that run a program under the shim, with strace's injection in such a call.
traced() {
    traced=(strace -f -qqq -o "$BATS_TEST_TMPDIR/trace" -E "LD_PRELOAD=$shim" -e "trace=$1" -e "inject=$1:$2")
}
