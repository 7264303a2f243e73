#!/usr/bin/env bats
# The tools: vcache, vcache-flush, vcache-stat, their installation and completion.

vc1=https://vc1.example.com:443
vc2=https://vc2.example.com:443

setup_file() {
    local here
    here=$(cd "$BATS_TEST_DIRNAME" && pwd)
    export ROOT=$here/../..
    ROOT=$(cd "$ROOT" && pwd)
    export BUILD=${VCACHE_BUILD:-$ROOT/build}
    export MADE=$BATS_FILE_TMPDIR
    cd "$MADE" || return

    cat >subject.c <<'EOF'
#include <stdio.h>
#include <string.h>
/* Says whether the shim is in this process. */
int main(void)
{
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof(line), maps))
        if (strstr(line, "/libvcache.so"))
            return puts("with the shim") < 0;
    return puts("without the shim") < 0;
}
EOF
    cc -o subject subject.c
    cc -static -o subject-static subject.c
    echo 'int other_library;' | cc -shared -fPIC -x c - -o other.so
    mkdir go-plain go-cgo
    printf 'package main\nfunc main() { println("go runs") }\n' >go-plain/main.go
    printf 'package main\n// #include <stdlib.h>\nimport "C"\nfunc main() { C.abs(1); println("go runs") }\n' \
        >go-cgo/main.go
    export GO111MODULE=off GOFLAGS='' GOCACHE=$BUILD/gocache
    CGO_ENABLED=0 go build -ldflags '-s -w' -o subject-go go-plain/main.go
    CGO_ENABLED=1 go build -ldflags '-s -w' -o subject-cgo go-cgo/main.go
    # shellcheck disable=SC2086 # words
    cc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$ROOT/shim" -o fill_cache \
        "$here/fill_cache.c" "$BUILD/libvcache.a" ${SANITIZE-} -ldl -lpthread
}

setup() {
    local variable
    for variable in $(compgen -e VCACHE_) LD_PRELOAD NO_COLOR; do
        [ "$variable" = VCACHE_BUILD ] || unset "$variable"
    done
    export VCACHE_DIR=$BATS_TEST_TMPDIR/cache
    export LC_ALL=C.UTF-8 TERM=xterm
    PATH=$BUILD:$PATH
    cd "$BATS_TEST_TMPDIR" || return
}

fill() {
    "$MADE/fill_cache" "$@"
}

# run_apart COMMAND…: as run, stdout in $output and stderr in $errors.
run_apart() {
    status=0
    output=$("$@" 2>"$BATS_TEST_TMPDIR/errors") || status=$?
    errors=$(cat "$BATS_TEST_TMPDIR/errors")
}

# lacks PATTERN TEXT: bats does not see a "!" before a command fail, but it sees a function do so.
lacks() {
    if grep -Eq -e "$1" <<<"$2"; then
        echo "unexpected: $(grep -E -m 3 -e "$1" <<<"$2")"
        return 1
    fi
}

shows() {
    echo "status $status; output: $output; errors: ${errors-}"
}

# on_terminal COLUMNS COMMAND…: runs it with a terminal as stdout, prints what it wrote there.
on_terminal() {
    python3 - "$@" <<'EOF'
import fcntl, os, pty, struct, sys, termios
columns, command = int(sys.argv[1]), sys.argv[2:]
child, master = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execvp(command[0], command)
written = b""
while True:
    try:
        part = os.read(master, 65536)
    except OSError:  # EIO: the other side is closed
        break
    if not part:
        break
    written += part
sys.stdout.buffer.write(written.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
EOF
}

# ---- vcache: running a command ----------------------------------------------------------------

@test "vcache loads the shim into a program and says nothing" {
    run_apart vcache "$MADE/subject"
    shows
    [ "$status" -eq 0 ]
    [ "$output" = "with the shim" ]
    [ -z "$errors" ]
}

@test "vcache hands arguments and options of the command through untouched" {
    run_apart vcache --ttl 5 -- printf '%s|' --ttl -x 'a b' ''
    [ "$output" = '--ttl|-x|a b||' ]
    run_apart vcache printf '%s|' --off --help
    [ "$output" = '--off|--help|' ]
}

@test "vcache has the command's exit status" {
    run vcache sh -c 'exit 42'
    [ "$status" -eq 42 ]
}

@test "vcache becomes the command: same process, its signals" {
    run vcache sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
    # shellcheck disable=SC2016 # for the inner shells
    run sh -c 'echo $$; exec vcache sh -c "echo \$\$"'
    [ "${lines[0]}" = "${lines[1]}" ]
}

@test "vcache keeps stdin" {
    run_apart vcache cat <<<"from stdin"
    [ "$output" = "from stdin" ]
}

@test "vcache leaves no descriptor open" {
    # shellcheck disable=SC2016 # for the inner shell
    local list='ls /proc/$$/fd'
    sh -c "$list" >bare
    vcache sh -c "$list" >under
    run diff bare under
    shows
    [ "$status" -eq 0 ]
}

@test "a command that does not exist is 127, one that cannot be run 126" {
    run_apart vcache no-such-command
    [ "$status" -eq 127 ]
    [ "$errors" = "vcache: 'no-such-command': No such file or directory" ]
    echo text >plain
    run_apart vcache ./plain
    [ "$status" -eq 126 ]
    [ "$errors" = "vcache: './plain': Permission denied" ]
}

@test "a script whose interpreter does not exist is 127, and the message says which is missing" {
    printf '#!/no/such/interpreter\n' >script
    chmod +x script
    run_apart vcache ./script
    [ "$status" -eq 127 ]
    [[ $errors == *"its interpreter is not"* ]]
}

@test "a command in a directory with a blank is run with the shim" {
    mkdir 'a b'
    cp "$MADE/subject" 'a b/sub ject'
    run_apart vcache "$PWD/a b/sub ject"
    [ "$output" = "with the shim" ]
    [ -z "$errors" ]
}

# ---- vcache: LD_PRELOAD -----------------------------------------------------------------------

@test "the shim comes in front of what LD_PRELOAD names already" {
    LD_PRELOAD=$MADE/other.so run_apart vcache printenv LD_PRELOAD
    [ "$output" = "$BUILD/libvcache.so:$MADE/other.so" ]
}

@test "vcache under vcache names the shim once" {
    LD_PRELOAD=$MADE/other.so run_apart vcache vcache vcache printenv LD_PRELOAD
    [ "$output" = "$BUILD/libvcache.so:$MADE/other.so" ]
}

@test "vcache called through a link finds the shim, and names it by an absolute path" {
    ln -s "$BUILD/vcache" linked
    run_apart ./linked printenv LD_PRELOAD
    [ "$output" = "$BUILD/libvcache.so" ]
}

@test "a shim that LD_PRELOAD cannot name is said, and the command runs" {
    mkdir 'with blank'
    cp "$BUILD/vcache" "$BUILD/libvcache.so" 'with blank'
    run_apart 'with blank/vcache' "$MADE/subject"
    shows
    [ "$status" -eq 0 ]
    [ "$output" = "without the shim" ]
    [[ $errors == "vcache: note: LD_PRELOAD cannot name '$PWD/with blank/libvcache.so'"* ]]
}

@test "a shim that is missing is said, and the command runs" {
    mkdir alone
    cp "$BUILD/vcache" alone
    run_apart alone/vcache "$MADE/subject"
    shows
    [ "$status" -eq 0 ]
    # Where vcache is installed on this machine, that shim is found at last.
    [ "$output" = "with the shim" ] || [[ $errors == "vcache: note: libvcache.so is neither"* ]]
}

@test "--off preloads nothing and disables vcache for what the command starts" {
    run_apart vcache --off "$MADE/subject"
    [ "$output" = "without the shim" ]
    run_apart vcache --off printenv VCACHE_DISABLE
    [ "$output" = 1 ]
    run_apart vcache --off vcache "$MADE/subject"
    [ "$output" = "without the shim" ]
}

@test "--off takes the shim out of LD_PRELOAD, and leaves what else is there" {
    LD_PRELOAD=$MADE/other.so run_apart vcache vcache --off printenv LD_PRELOAD
    [ "$output" = "$MADE/other.so" ]
    # shellcheck disable=SC2016 # for the inner shell
    run_apart vcache vcache --off sh -c 'echo "${LD_PRELOAD-unset}"'
    [ "$output" = unset ]
}

@test "VCACHE_DISABLE=1 is --off, VCACHE_DISABLE=0 is not" {
    VCACHE_DISABLE=1 run_apart vcache "$MADE/subject"
    [ "$output" = "without the shim" ]
    VCACHE_DISABLE=0 run_apart vcache "$MADE/subject"
    [ "$output" = "with the shim" ]
}

# ---- vcache: settings -------------------------------------------------------------------------

@test "each option sets its variable, above the environment" {
    VCACHE_TTL=7 run_apart vcache --ttl 60,QueryPerf=20 --hosts 'vc*,10.0.0.5:443' --max-size 2G \
        --session-idle 30 --fence=5 --connect-timeout 4 --log-level debug env
    shows
    [[ $output == *"VCACHE_TTL=60,QueryPerf=20"* ]]
    [[ $output == *"VCACHE_HOSTS=vc*,10.0.0.5:443"* ]]
    [[ $output == *"VCACHE_MAX_SIZE=2G"* ]]
    [[ $output == *"VCACHE_SESSION_IDLE=30"* ]]
    [[ $output == *"VCACHE_FENCE=5"* ]]
    [[ $output == *"VCACHE_CONNECT_TIMEOUT=4"* ]]
    [[ $output == *"VCACHE_LOG_LEVEL=debug"* ]]
}

@test "relative paths of --log and --dir are made absolute, stderr stays stderr" {
    run_apart vcache --log a.log --dir some/cache env
    [[ $output == *"VCACHE_LOG=$PWD/a.log"* ]]
    [[ $output == *"VCACHE_DIR=$PWD/some/cache"* ]]
    run_apart vcache --log stderr printenv VCACHE_LOG
    [ "$output" = stderr ]
}

@test "a log that cannot be written: it is said, and the command runs" {
    run_apart vcache --log nowhere/a.log touch ran
    [ "$status" -eq 0 ]
    [ -e ran ]
    [ "$errors" = "vcache: note: nothing is logged: '$PWD/nowhere/a.log': No such file or directory" ]
    run_apart env VCACHE_LOG="$PWD" "$BUILD/vcache" true
    [ "$errors" = "vcache: note: nothing is logged: '$PWD': Is a directory" ]
    # Who is to read it may come later.
    mkfifo fifo
    for log in fifo stderr a.log; do
        run_apart vcache --log "$log" true
        [ -z "$errors" ]
    done
    run_apart vcache --log nowhere/a.log --off true
    [ -z "$errors" ]
}

@test "an option that cannot be read: exit 2, its name and value, what was expected, nothing run" {
    local pair
    for pair in ttl=abc ttl= ttl=-1 session-idle=x max-size=12 max-size=1X log-level=loud fence= connect-timeout=x \
        hosts= dir=; do
        run_apart vcache --"${pair%%=*}" "${pair#*=}" touch ran
        shows
        [ "$status" -eq 2 ]
        [[ $errors == "vcache: --${pair%%=*} '${pair#*=}' cannot be read; expected: "* ]]
        [ ! -e ran ]
    done
}

@test "a variable that cannot be read: exit 2, its name and value, the way out, nothing run" {
    local pair
    for pair in VCACHE_TTL=abc VCACHE_DIR=relative VCACHE_SESSION_IDLE=x VCACHE_MAX_SIZE=1 \
        VCACHE_LOG_LEVEL=loud VCACHE_DISABLE=yes VCACHE_FENCE=-3 VCACHE_CONNECT_TIMEOUT=long VCACHE_CONNECT_TIMEOUT=0; do
        run_apart env "$pair" "$BUILD/vcache" touch ran
        shows
        [ "$status" -eq 2 ]
        [[ $errors == "vcache: ${pair%%=*} is '${pair#*=}' in the environment"*"expected: "*"unset it"* ]]
        [ ! -e ran ]
    done
}

@test "an option stands above a variable that cannot be read; so does --off" {
    VCACHE_TTL=abc run_apart vcache --ttl 5 printenv VCACHE_TTL
    [ "$output" = 5 ]
    VCACHE_TTL=abc run_apart vcache --off "$MADE/subject"
    [ "$output" = "without the shim" ]
    VCACHE_TTL=abc VCACHE_DISABLE=1 run_apart vcache "$MADE/subject"
    [ "$output" = "without the shim" ]
}

@test "an empty variable counts as unset" {
    VCACHE_TTL='' run_apart vcache "$MADE/subject"
    [ "$output" = "with the shim" ]
}

@test "no command, an unknown option: exit 2 and a pointer to --help" {
    run_apart vcache
    [ "$status" -eq 2 ]
    [[ $errors == "vcache: no command to run"*"vcache --help"* ]]
    run_apart vcache --ttl 5 --
    [ "$status" -eq 2 ]
    run_apart vcache --frobnicate true
    [ "$status" -eq 2 ]
    [[ $errors == *"--frobnicate"*"vcache --help"* ]]
}

@test "--help lists every setting; --version tells the version" {
    run_apart vcache --help
    [ "$status" -eq 0 ]
    local variable count=0
    while read -r variable; do
        echo "$variable"
        [[ $output == *"$variable"* ]]
        count=$((count + 1))
    done < <(sed -n 's/^SETTING([A-Z_]*, "\(VCACHE_[A-Z_]*\)".*/\1/p' "$ROOT/shim/base/settings.def")
    [ "$count" -gt 0 ]
    run_apart vcache --version
    [[ $output =~ ^vcache\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "help that cannot be written is an error" {
    run_apart sh -c 'vcache --help >/dev/full'
    [ "$status" -eq 1 ]
    [[ $errors == "vcache: cannot write to stdout: "* ]]
}

# ---- vcache: commands that cannot be intercepted ------------------------------------------------

@test "a static program is said, and runs" {
    run_apart vcache "$MADE/subject-static"
    shows
    [ "$output" = "without the shim" ]
    [ "$errors" = "vcache: note: '$MADE/subject-static' is statically linked, so that nothing can be preloaded into it: it runs without the cache" ]
}

@test "a Go program is said, static and dynamic, and runs" {
    local program
    for program in subject-go subject-cgo; do
        run_apart vcache "$MADE/$program"
        shows
        [ "$status" -eq 0 ]
        [[ $errors == "vcache: note: '$MADE/$program' is a Go program"*"go runs"* ]]
    done
}

@test "a setuid or setgid program is said, and runs" {
    [ "$(id -u)" -eq 0 ] || skip "needs root"
    [[ ,$(findmnt -no OPTIONS -T .), != *,nosuid,* ]] || skip "the temporary directory is nosuid"
    cp "$MADE/subject" setuid && chown 65534 setuid && chmod u+s setuid
    cp "$MADE/subject" setgid && chgrp 65534 setgid && chmod g+s setgid
    run_apart vcache ./setuid
    shows
    [[ $errors == "vcache: note: './setuid' is setuid: it runs without the cache" ]]
    [ "$status" -eq 0 ]
    run_apart vcache ./setgid
    [[ $errors == "vcache: note: './setgid' is setgid: it runs without the cache" ]]
}

@test "a setuid bit that changes nothing is no matter" {
    cp "$MADE/subject" setuid && chmod u+s setuid
    run_apart vcache ./setuid
    [ "$output" = "with the shim" ]
    [ -z "$errors" ]
}

@test "a program with file capabilities is said for a user, not for root" {
    [ "$(id -u)" -eq 0 ] || skip "needs root"
    local open
    open=$(mktemp -d /tmp/vcache-test.XXXXXX)
    chmod 755 "$open"
    cp "$BUILD/vcache" "$BUILD/libvcache.so" "$MADE/subject" "$open"
    # cap_net_bind_service, permitted and effective (capabilities(7), vfs_cap_data)
    python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))' \
        "$open/subject" || skip "no extended attributes here"
    run_apart setpriv --reuid 65534 --regid 65534 --clear-groups "$open/vcache" "$open/subject"
    local as_user=$errors
    run_apart "$open/vcache" "$open/subject"
    rm -r "$open"
    shows
    [[ $as_user == "vcache: note: '$open/subject' has file capabilities: it runs without the cache" ]]
    [ "$output" = "with the shim" ]
    [ -z "$errors" ]
}

@test "a program for another processor is said" {
    python3 -c 'import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[18:20] = b"\x02\x00"  # e_machine: SPARC
open("foreign", "wb").write(data)' "$MADE/subject"
    chmod +x foreign
    run_apart vcache ./foreign
    [[ $errors == "vcache: note: './foreign' is made for another kind of processor"* ]]
}

@test "a program for another C library is said, and runs with nothing preloaded" {
    # A real loader under a name that vcache's own does not have.
    cp "$(readelf -p .interp "$BUILD/vcache" | grep -o '/.*')" ld-other.so
    cc -o foreign "$MADE/subject.c" -Wl,--dynamic-linker="$PWD/ld-other.so"
    run_apart vcache ./foreign
    shows
    [[ $errors == "vcache: note: './foreign' is made for another C library"* ]]
    [ "$output" = "without the shim" ]
}

@test "scripts are judged by their interpreter" {
    printf '#!%s\n' "$MADE/subject" >fine
    printf '#! %s -x\n' "$MADE/subject-static" >static
    printf '#!%s\n' "$PWD/static" >nested
    printf '#!/usr/bin/env subject-go\n' >by-env
    printf '#!/usr/bin/env -S A=1 -u B subject-go --flag\n' >by-env-split
    printf '#!/bin/sh\nexec "%s"\n' "$MADE/subject" >shell
    printf '#!/usr/bin/env -i sh\n' >unknown
    chmod +x fine static nested by-env by-env-split shell unknown
    run_apart vcache ./fine
    [ "$output" = "with the shim" ] && [ -z "$errors" ]
    run_apart vcache ./shell
    [ "$output" = "with the shim" ] && [ -z "$errors" ]
    run_apart vcache ./static
    [[ $errors == "vcache: note: './static' is run by '$MADE/subject-static', which is statically linked"* ]]
    run_apart vcache ./nested
    [[ $errors == "vcache: note: './nested' is run by '$MADE/subject-static'"* ]]
    PATH=$MADE:$PATH run_apart vcache ./by-env
    [[ $errors == "vcache: note: './by-env' is run by '$MADE/subject-go', which is a Go program"* ]]
    PATH=$MADE:$PATH run_apart vcache ./by-env-split
    [[ $errors == "vcache: note: './by-env-split' is run by '$MADE/subject-go'"* ]]
    run_apart vcache ./unknown
    [[ $errors != *note* ]]
}

@test "a script that is its own interpreter is judged in bounded time, and fails as it would" {
    printf '#!%s\n' "$PWD/round" >round
    chmod +x round
    run_apart vcache ./round
    shows
    [ "$status" -eq 126 ]
    [[ $errors != *note* ]]
}

@test "a script without a first line runs as exec would have it" {
    echo 'echo ran by sh' >bare
    chmod +x bare
    run_apart vcache ./bare
    [ "$output" = "ran by sh" ]
    [ -z "$errors" ]
}

# ---- vcache-flush -----------------------------------------------------------------------------

# Two vCenters, two users, sessions, old and new responses.
fill_some() {
    fill session "$vc1" alice@vsphere.local
    fill session "$vc1" bob@vsphere.local
    fill session "$vc2" alice@vsphere.local
    fill response "$vc1" alice@vsphere.local RetrievePropertiesEx old '<obj type="VirtualMachine">vm-42</obj>'
    fill response "$vc1" alice@vsphere.local RetrievePropertiesEx new '<obj type="VirtualMachine">vm-421</obj>'
    fill response "$vc1" bob@vsphere.local QueryPerf new '<entity/>' vm-42
    fill response "$vc2" alice@vsphere.local FindByUuid new '<returnval type="VirtualMachine">vm-7</returnval>'
}

stored() {
    vcache-stat --print-stats | awk '$1 == "responses" || $1 == "sessions" { printf "%s ", $2 }'
}

@test "flush forgets everything, and says how many of what" {
    fill_some
    [ "$(stored)" = "4 3 " ]
    run_apart vcache-flush
    shows
    [ "$status" -eq 0 ]
    [ "$output" = "removed 4 responses, 3 sessions" ]
    [ -z "$errors" ]
    [ "$(stored)" = "0 0 " ]
    run_apart vcache-flush
    [ "$output" = "removed 0 responses, 0 sessions" ]
}

@test "flush --dry-run counts and removes nothing" {
    fill_some
    run_apart vcache-flush --dry-run
    [ "$output" = "would remove 4 responses, 3 sessions" ]
    run_apart vcache-flush -n --endpoint vc2.example.com
    [ "$output" = "would remove 1 response, 1 session" ]
    [ "$(stored)" = "4 3 " ]
}

@test "flush --endpoint takes the whole name, host and port, or the host, as globs in any case" {
    local glob
    fill_some
    for glob in "$vc2" vc2.example.com vc2.example.com:443 'VC2*' '*2.example.com' 'https://vc2*'; do
        run_apart vcache-flush -n --endpoint "$glob"
        echo "$glob: $output"
        [ "$output" = "would remove 1 response, 1 session" ]
    done
    run_apart vcache-flush -n --endpoint vc
    [ "$output" = "would remove 0 responses, 0 sessions" ]
    run_apart vcache-flush --endpoint vc1.example.com
    [ "$output" = "removed 3 responses, 2 sessions" ]
    [ "$(stored)" = "1 1 " ]
}

@test "flush --user takes that user's, case ignored" {
    fill_some
    run_apart vcache-flush --user BOB@vsphere.local
    [ "$output" = "removed 1 response, 1 session" ]
    run_apart vcache-flush --user alice@vsphere.local
    [ "$output" = "removed 3 responses, 2 sessions" ]
}

@test "flush --operation takes responses of it, no sessions" {
    fill_some
    run_apart vcache-flush --operation RetrievePropertiesEx
    [ "$output" = "removed 2 responses" ]
    [ "$(stored)" = "2 3 " ]
}

@test "flush --operation with a name that no operation has is an error and removes nothing" {
    fill_some
    run_apart vcache-flush --operation RetreiveProperties
    shows
    [ "$status" -eq 2 ]
    [[ $errors == "vcache-flush: --operation 'RetreiveProperties': there is no such operation"* ]]
    [ "$(stored)" = "4 3 " ]
}

@test "flush --object takes what speaks of it: in the body, or in the request" {
    fill_some
    run_apart vcache-flush --object vm-42
    [ "$output" = "removed 2 responses" ]
    run_apart vcache-flush --object vm-42
    [ "$output" = "removed 0 responses" ]
    run_apart vcache-flush --object vm-421
    [ "$output" = "removed 1 response" ]
    [ "$(stored)" = "1 3 " ]
}

@test "flush --object takes what cannot be searched too" {
    fill sealed "$vc1" alice@vsphere.local RetrievePropertiesEx new noise
    fill cut "$vc1" alice@vsphere.local RetrievePropertiesEx new '<val/>' vm-1
    fill response "$vc1" alice@vsphere.local RetrievePropertiesEx new '<val/>' vm-1
    run_apart vcache-flush --object vm-42
    [ "$output" = "removed 2 responses" ]
}

@test "flush --object with a name that can be none is an error" {
    run_apart vcache-flush --object '<vm>'
    [ "$status" -eq 2 ]
    [[ $errors == "vcache-flush: --object '<vm>' is no managed object's name"* ]]
}

@test "flush --sessions takes sessions alone" {
    fill_some
    run_apart vcache-flush --sessions --user alice@vsphere.local
    [ "$output" = "removed 2 sessions" ]
    run_apart vcache-flush --sessions
    [ "$output" = "removed 1 session" ]
    [ "$(stored)" = "4 0 " ]
}

@test "flush --expired takes what is older than the reader's time to live, or --ttl" {
    fill_some
    run_apart vcache-flush --expired -n
    [ "$output" = "would remove 1 response, 0 sessions" ]
    VCACHE_TTL=1000000000 run_apart vcache-flush --expired -n
    [ "$output" = "would remove 0 responses, 0 sessions" ]
    run_apart vcache-flush --expired --ttl 1000000000,RetrievePropertiesEx=1 -n
    [ "$output" = "would remove 1 response, 0 sessions" ]
    VCACHE_SESSION_IDLE=0 run_apart vcache-flush --expired
    [ "$output" = "removed 1 response, 3 sessions" ]
    [ "$(stored)" = "3 0 " ]
}

@test "what is given to flush must hold together" {
    fill_some
    run_apart vcache-flush --endpoint vc1.example.com --user alice@vsphere.local \
        --operation RetrievePropertiesEx --object vm-42 --expired
    [ "$output" = "removed 1 response" ]
    run_apart vcache-flush --endpoint vc2.example.com --object vm-42
    [ "$output" = "removed 0 responses" ]
    [ "$(stored)" = "3 3 " ]
}

@test "flush of everything or of an endpoint keeps what is on its way from being stored" {
    fill_some
    local first second
    first=$(fill generation "$vc1")
    vcache-flush --object vm-42
    vcache-flush --dry-run
    vcache-flush --sessions
    [ "$(fill generation "$vc1")" = "$first" ]
    vcache-flush --endpoint vc1.example.com
    second=$(fill generation "$vc1")
    [ "$second" -gt "$first" ]
    vcache-flush
    [ "$(fill generation "$vc1")" -gt "$second" ]
}

@test "a full flush leaves no user name in the directory" {
    fill_some
    vcache-flush
    fill response "$vc1" carol@vsphere.local QueryPerf new '<entity/>'
    run_apart vcache-flush -n --user alice@vsphere.local
    [ "$output" = "would remove 0 responses, 0 sessions" ]
}

@test "flush without a cache says so and makes none" {
    run_apart vcache-flush
    shows
    [ "$status" -eq 0 ]
    [ "$output" = "no cache yet in '$VCACHE_DIR', nothing to remove" ]
    [ ! -e "$VCACHE_DIR" ]
    mkdir -m 700 "$VCACHE_DIR"
    run_apart vcache-flush
    [ "$status" -eq 0 ]
    [[ $output == "no cache yet"* ]]
    [ -z "$(ls -A "$VCACHE_DIR")" ]
}

@test "flush --dir looks there, also by a relative path" {
    fill_some
    unset VCACHE_DIR
    run_apart vcache-flush --dir cache
    [ "$output" = "removed 4 responses, 3 sessions" ]
}

@test "flush of a directory that is no directory, or another user's, fails with the reason" {
    : >"$VCACHE_DIR"
    run_apart vcache-flush
    shows
    [ "$status" -eq 1 ]
    [[ $errors == "vcache-flush: the cache in '$VCACHE_DIR' cannot be used. "?* ]]
    rm "$VCACHE_DIR"
    [ "$(id -u)" -eq 0 ] || skip "needs root"
    mkdir "$VCACHE_DIR"
    chown 65534 "$VCACHE_DIR"
    run_apart vcache-flush
    shows
    [ "$status" -eq 1 ]
    [[ $errors == "vcache-flush: the cache in '$VCACHE_DIR' cannot be used. "?* ]]
    run_apart vcache-stat
    [ "$status" -eq 1 ]
    [[ $errors == "vcache-stat: the cache in '$VCACHE_DIR' cannot be used. "?* ]]
}

@test "flush and stat of a cache that a stopped process holds fail with the reason, in bounded time" {
    fill_some
    coproc holder {
        exec python3 -c 'import fcntl, os, struct, sys, time
fd = os.open(os.environ["VCACHE_DIR"] + "/locks", os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0))
print("held", flush=True)
time.sleep(3600)' 3>&-
    }
    # shellcheck disable=SC2154 # set by coproc
    local word pid=$holder_PID
    read -r word <&"${holder[0]}"
    [ "$word" = held ]
    run_apart vcache-flush
    shows
    kill "$pid"
    wait "$pid" || true
    [ "$status" -eq 1 ]
    [[ $errors == "vcache-flush: "*"Another process holds the cache"* ]]
    run_apart vcache-flush
    [ "$output" = "removed 4 responses, 3 sessions" ]
}

@test "without any directory the tools say what to give" {
    run_apart env -u VCACHE_DIR -u HOME -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME "$BUILD/vcache-flush"
    [ "$status" -eq 1 ]
    [[ $errors == *"give --dir"* ]]
}

@test "flush with options that contradict or words that are none: exit 2" {
    local words
    for words in "everything" "--ttl 5" "--sessions --object vm-1" "--sessions --operation QueryPerf" \
        "--endpoint=" "--bogus" "--expired --ttl x"; do
        # shellcheck disable=SC2086 # words
        run_apart vcache-flush $words
        shows
        [ "$status" -eq 2 ]
        [[ $errors == *"'vcache-flush --help' lists the options"* ]]
    done
    VCACHE_DIR=relative run_apart vcache-flush
    [ "$status" -eq 2 ]
    [[ $errors == "vcache-flush: VCACHE_DIR is 'relative'"*"--dir"* ]]
}

@test "neither flush nor stat creates files or changes modes beyond those of the cache" {
    fill_some
    vcache-flush >/dev/null
    vcache-stat >/dev/null
    run find "$VCACHE_DIR" -not -type d -not -perm 600
    [ -z "$output" ]
    [ "$(stat -c %a "$VCACHE_DIR")" = 700 ]
}

# ---- vcache-stat ------------------------------------------------------------------------------

count_some() {
    fill verdict hit 8
    fill verdict session-lent 2
    fill verdict absent 3
    fill verdict stale 1
    fill verdict write 6
    fill verdict stored 3
    fill verdict not-empty 1
    fill verdict evicted 5
    fill operation RetrievePropertiesEx 8 4 0 1048576 90000000
    fill operation Login 2 0 0 500 10000
    fill operation PowerOnVM_Task 0 0 6 0 0
}

@test "stat shows sums, shares, the reasons that occurred, and what was saved" {
    count_some
    fill_some
    run_apart vcache-stat
    shows
    [ "$status" -eq 0 ]
    [ -z "$errors" ]
    grep -Eq '^Cache directory +'"$VCACHE_DIR"'$' <<<"$output"
    grep -Eq '^Cache size +[0-9.]+ [KM]?i?B of 1\.0 GiB \([0-9.]+ %\)$' <<<"$output"
    grep -Eq '^Stored +4 responses, 3 sessions$' <<<"$output"
    grep -Eq '^Counting since +[0-9-]+ [0-9:]+$' <<<"$output"
    grep -Eq '^Requests +20$' <<<"$output"
    grep -Eq '^  Hits +10 +50\.0 %$' <<<"$output"
    grep -Eq '^    hit +8 +answered from the store$' <<<"$output"
    grep -Eq '^    session-lent +2 ' <<<"$output"
    grep -Eq '^  Misses +4 +20\.0 %$' <<<"$output"
    grep -Eq '^    absent +3 ' <<<"$output"
    grep -Eq '^    stale +1 ' <<<"$output"
    grep -Eq '^  Bypasses +6 +30\.0 %$' <<<"$output"
    grep -Eq '^    write +6 ' <<<"$output"
    grep -Eq '^    stored +3 ' <<<"$output"
    grep -Eq '^    not-empty +1 +not stored: ' <<<"$output"
    grep -Eq '^    evicted +5 ' <<<"$output"
    grep -Eq '^Saved +1\.0 MiB of answers, 1 min 30 s ' <<<"$output"
    grep -Eq '^Sessions lent +2$' <<<"$output"
    lacks 'fenced' "$output"
    lacks 'RetrievePropertiesEx' "$output"
    lacks $'\033|█|▒' "$output"
}

@test "stat --operations lists them by requests, no bars into a pipe" {
    count_some
    run_apart vcache-stat --operations
    shows
    [ "$(awk '{ print $1 }' <<<"$output" | tr '\n' ' ')" = "Operation RetrievePropertiesEx PowerOnVM_Task Login " ]
    grep -Eq '^RetrievePropertiesEx +12 +66\.7 % +1\.0 MiB +1 min 30 s$' <<<"$output"
    run_apart vcache-stat --operations=1
    [ "$(wc -l <<<"$output")" -eq 3 ]
    [[ $output == *"... and 2 more: --operations=3" ]]
    run_apart vcache-stat --operations=0
    [ "$status" -eq 2 ]
    [[ $errors == "vcache-stat: --operations '0' cannot be read; expected: "* ]]
}

@test "stat draws bars on a terminal: blocks in UTF-8, ASCII elsewhere, colours unless NO_COLOR" {
    count_some
    run on_terminal 100 vcache-stat
    echo "$output"
    [[ $output == *█*▒*░* ]]
    [[ $output == *$'\033[32m'* ]]
    [[ $output == *RetrievePropertiesEx* ]]
    NO_COLOR=1 run on_terminal 100 vcache-stat
    [[ $output == *█* ]]
    [[ $output != *$'\033'* ]]
    NO_COLOR=1 LC_ALL=C run on_terminal 100 vcache-stat
    [[ $output == *'##'* ]]
    [[ $output != *█* ]]
    TERM=dumb run on_terminal 100 vcache-stat
    [[ $output != *$'\033'* ]]
}

@test "stat's pictures fit the terminal" {
    local columns longest
    count_some
    for columns in 60 80 100 160; do
        NO_COLOR=1 run on_terminal "$columns" vcache-stat --operations
        longest=$(wc -L <<<"$output")
        echo "$columns: $longest"
        [ "$columns" -lt 80 ] || [ "$longest" -le "$columns" ]
        [[ $output == *█* ]]
    done
}

@test "stat --json is one object with everything in it" {
    count_some
    fill_some
    run_apart vcache-stat --json
    shows
    [ "$status" -eq 0 ]
    VCACHE_DIR=$VCACHE_DIR python3 -c '
import json, os, sys
all = json.loads(sys.argv[1])
assert all["cache"]["directory"] == os.environ["VCACHE_DIR"]
assert all["cache"]["present"] is True
assert all["cache"]["responses"] == 4 and all["cache"]["sessions"] == 3
assert 0 < all["cache"]["size_bytes"] < all["cache"]["limit_bytes"] == 1 << 30
assert all["counting_since"] > 0
total = all["total"]
assert (total["requests"], total["hits"], total["misses"], total["bypasses"]) == (20, 10, 4, 6)
assert total["bytes_saved"] == 1049076 and total["time_saved_us"] == 90010000
assert all["verdicts"]["hit"]["hit"] == 8 and all["verdicts"]["hit"]["session-lent"] == 2
assert all["verdicts"]["miss"]["stale"] == 1 and all["verdicts"]["miss"]["fenced"] == 0
assert all["verdicts"]["kept"]["stored"] == 3 and all["verdicts"]["event"]["evicted"] == 5
assert [o["name"] for o in all["operations"]] == ["RetrievePropertiesEx", "PowerOnVM_Task", "Login"]
assert all["operations"][0]["requests"] == 12 and all["operations"][0]["hits"] == 8
' "$output"
}

@test "stat --print-stats has every counter of the table, zeros too, and nothing else" {
    count_some
    run_apart vcache-stat --print-stats
    [ "$status" -eq 0 ]
    [ "$(grep -Evc $'^[a-z_.-]+\t[0-9]+$' <<<"$output")" -eq 0 ]
    grep -q $'^requests\t20$' <<<"$output"
    grep -q $'^hits\t10$' <<<"$output"
    grep -q $'^hit.hit\t8$' <<<"$output"
    grep -q $'^miss.fenced\t0$' <<<"$output"
    grep -q $'^cache_limit_bytes\t1073741824$' <<<"$output"
    [ "$(grep -c '^[a-z]*\.' <<<"$output")" -eq "$(grep -c '^VERDICT(' "$ROOT/shim/cache/verdicts.def")" ]
    [ "$(wc -l <<<"$output")" -eq "$(cut -f1 <<<"$output" | sort -u | wc -l)" ]
    run_apart vcache-stat --print-stats --operations
    grep -q $'^operation.Login.hits\t2$' <<<"$output"
}

@test "stat --zero sets the counters to zero and leaves what is stored" {
    count_some
    fill_some
    run_apart vcache-stat -z
    [ "$output" = "counters set to zero" ]
    run_apart vcache-stat --print-stats
    lacks $'^(requests|hits|misses|bypasses|[a-z]+\\..*)\t[1-9]' "$output"
    [ "$(stored)" = "4 3 " ]
    run_apart vcache-stat --zero --json
    [ "$status" -eq 2 ]
}

@test "stat without a cache says so and makes none, in every form" {
    run_apart vcache-stat
    [ "$status" -eq 0 ]
    [[ $output == *"There is no cache yet"* ]]
    run_apart vcache-stat --json
    python3 -c 'import json, sys; all = json.loads(sys.argv[1]); assert all["cache"]["present"] is False and all["total"]["requests"] == 0' "$output"
    run_apart vcache-stat --print-stats
    grep -q $'^requests\t0$' <<<"$output"
    run_apart vcache-stat --operations
    [ "$output" = "No operation was requested yet." ]
    run_apart vcache-stat -z
    [ "$status" -eq 0 ]
    [ ! -e "$VCACHE_DIR" ]
}

@test "stat that cannot write is an error" {
    count_some
    run_apart sh -c 'vcache-stat --json >/dev/full'
    [ "$status" -eq 1 ]
    [[ $errors == "vcache-stat: cannot write to stdout: "* ]]
}

@test "a password or cookie is in neither the cache nor what the tools print" {
    fill_some
    run grep -rlaE 'fill-Secret-1|fill-cookie-1|fill-key-1' "$VCACHE_DIR"
    [ "$status" -eq 1 ]
    run_apart sh -c 'vcache-stat; vcache-stat --json; vcache-stat --print-stats; vcache-flush'
    lacks 'fill-(Secret|cookie|key)' "$output$errors"
}

# ---- installation, manual pages, completion -----------------------------------------------------

@test "make install, a run from there, make uninstall: nothing is left" {
    local stage=$BATS_TEST_TMPDIR/stage bin expected
    ${MAKE:-make} -s -C "$ROOT" install DESTDIR="$stage"
    bin=$(dirname "$(find "$stage" -name vcache-stat -type f)")
    expected="libvcache.so vcache vcache vcache-flush vcache-flush vcache-flush.1 vcache-stat vcache-stat vcache-stat.1 vcache.1 "
    [ "$(find "$stage" -not -type d -printf '%f\n' | LC_ALL=C sort | tr '\n' ' ')" = "$expected" ]
    run_apart "$bin/vcache" printenv LD_PRELOAD
    shows
    [ "$output" = "$(cd "$bin/../lib/vcache" && pwd)/libvcache.so" ]
    run_apart "$bin/vcache" "$MADE/subject"
    [ "$output" = "with the shim" ]
    [ -z "$errors" ]
    : >"$bin/somebody-elses"
    ${MAKE:-make} -s -C "$ROOT" uninstall DESTDIR="$stage"
    [ "$(find "$stage" -not -type d)" = "$bin/somebody-elses" ]
    [ -z "$(find "$stage" -path '*lib/vcache')" ]
    ${MAKE:-make} -s -C "$ROOT" uninstall DESTDIR="$stage"
}

@test "the manual pages have the tables of the code and no roff warning" {
    local page
    for page in vcache vcache-flush vcache-stat; do
        lacks '^@' "$(cat "$BUILD/man/$page.1")"
        if command -v man >/dev/null; then
            run_apart env LC_ALL=C.UTF-8 man --warnings=w -l "$BUILD/man/$page.1"
            [ -n "$output" ]
            [ -z "$errors" ]
        fi
    done
    grep -q '^\.It Ev VCACHE_TTL , Fl ' "$BUILD/man/vcache.1"
    [ "$(grep -c '^\.It Ev VCACHE_' "$BUILD/man/vcache.1")" -eq "$(grep -c '^SETTING(' "$ROOT/shim/base/settings.def")" ]
    grep -q '^\.It Cm session\\-lent$' "$BUILD/man/vcache-stat.1"
}

# completes FUNCTION WORD…: what bash would offer for the last word.
completes() {
    local function=$1
    shift
    bash -c 'source "$1"; shift; function=$1; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        "$function"; printf "%s\n" "${COMPREPLY[@]}"' - \
        "$ROOT/tools/completions/vcache.bash" "$function" "$@" 2>&1
}

@test "completion offers options, their values, and commands after them" {
    local offered
    offered=$(completes _vcache vcache --)
    [[ $offered == *--ttl* && $offered == *--off* && $offered == *--log-level* ]]
    [ "$(completes _vcache vcache --log-level d)" = debug ]
    [ "$(completes _vcache vcache --log-level = d)" = debug ]
    [[ $(completes _vcache vcache --ttl 5 printen) == *printenv* ]]
    [[ $(completes _vcache vcache --ttl = 5 printen) == *printenv* ]]
    [[ $(completes _vcache vcache --off printen) == *printenv* ]]
    [[ $(completes _vcache vcache -- printen) == *printenv* ]]
    [ -z "$(completes _vcache vcache --ttl 5)" ]
    : >argument
    [[ $(completes _vcache vcache cat argum) == argument ]]
    [[ $(completes _vcache_complete_options vcache-flush --) == *--dry-run* ]]
    [ "$(completes _vcache_complete_options vcache-stat --js)" = --json ]
}
