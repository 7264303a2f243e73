#!/usr/bin/env bats
# No password, no cookie and no session's key can be read from what the shim and its tools leave behind.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    mkdir -m 700 home tmp
    export HOME=$BATS_TEST_TMPDIR/home TMPDIR=$BATS_TEST_TMPDIR/tmp
    umask 000
}

# Everything that has to do with a session: opened, lent, used, ended, refused; with views, writes and faults.
use_it_all() {
    local view='CreateContainerView:ViewManager:ViewManager:<container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>'
    local steps=(login save:cookie key:key read:SessionManager:SessionManager:currentSession "$view" "$view"
        read:ContainerView:@:view read:SessionManager:SessionManager:sessionList
        read:VirtualMachine:vm-57:name FrobnicateVM:VirtualMachine:vm-57 CurrentTime:ServiceInstance:ServiceInstance logout
        read:VirtualMachine:vm-57:name)
    cached first "$ask" "${steps[@]}"
    cached second "$ask" "${steps[@]}"
    sed -i 's/[^"]*"\([^"]*\)".*/\1/' cookie
    printf %s "$VCENTER_PASSWORD" >password
    [ "$(wc -c <cookie)" -ge 40 ]
    [ "$(wc -c <key)" -ge 36 ]
    # An answer that speaks of the session: it holds the key in a reference.
    grep -q '^read 200 .*<obj type="ContainerView">session\[…\]…</obj>' first.out
    if [ "${1-}" != quickly ]; then
        cached python "$python" "$scripts/inventory.py"
        cached ruby ruby "$scripts/inventory.rb"
        went_well python
        went_well ruby
    fi
    # A wrong password is a secret too: it may be the right one somewhere else.
    printf wrong-Secret-4 >wrong
    VCENTER_PASSWORD=wrong-Secret-4 cached refused "$ask" login
    grep -q InvalidLogin refused.out
    # The shim was there.
    [ "$(counter hit.session-lent)" -gt 0 ]
    [ "$(counter kept.stored)" -gt 0 ]
}

# found_in PATH…: any of them, in any form.
found_in() {
    local secret found=1
    for secret in password wrong cookie key; do
        if "$python" "$BATS_TEST_DIRNAME/search.py" $secret "$@"; then found=0; fi
    done
    return $found
}

@test "the search finds what there is" {
    use_it_all quickly
    mkdir found
    printf '....%s' "$(cat cookie)" >found/cookie
    printf 'x%s' "$(cat password)" | base64 -w 0 >found/password
    printf %s "$(cat key)" | od -An -v -tx1 | tr -d ' \n' >found/key
    for secret in cookie password key; do found_in found/$secret; done
    # And the cache holds what was read: the search looks into the right files.
    printf administrator@vsphere.local >user
    "$python" "$BATS_TEST_DIRNAME/search.py" user "$VCACHE_DIR"
    printf '>DC0_H0_VM0</val>' >value
    "$python" "$BATS_TEST_DIRNAME/search.py" value "$VCACHE_DIR"
}

@test "not in the cache" {
    use_it_all
    run ! found_in "$VCACHE_DIR"
}

@test "not in the log, at its most talkative" {
    use_it_all
    [ "$(wc -l <"$VCACHE_LOG")" -gt 50 ]
    grep -q ' Login hit session-lent ' "$VCACHE_LOG"
    run ! found_in "$VCACHE_LOG"
}

@test "not in what the tools say" {
    use_it_all quickly
    mkdir output
    "$build/vcache-stat" --operations >output/stat
    "$build/vcache-stat" --json >output/json
    "$build/vcache-stat" --print-stats --operations >output/counters
    "$build/vcache-flush" --dry-run >output/flush
    run ! found_in output
}

@test "nowhere else: the shim leaves nothing behind but its directory and its log" {
    use_it_all
    [ -z "$(find home tmp -mindepth 1)" ]
}

@test "nobody else may read the cache or the log" {
    use_it_all quickly
    [ "$(stat -c %a "$VCACHE_DIR")" = 700 ]
    [ -n "$(find "$VCACHE_DIR" -type f)" ]
    [ -z "$(find "$VCACHE_DIR" -mindepth 1 ! \( -type f -perm 0600 \))" ]
    [ "$(stat -c %a "$VCACHE_LOG")" = 600 ]
}

@test "not in a core of the tools" {
    local tool size
    use_it_all quickly
    mkdir cores
    # Of the program's environment the tools know nothing but what is theirs.
    unset VCENTER_PASSWORD
    for tool in "vcache-stat --json" "vcache-flush --dry-run" "vcache-flush --object vm-57" "vcache-flush"; do
        # shellcheck disable=SC2086 # words
        timeout 60 gdb --nx --batch -ex 'set startup-with-shell off' -ex 'catch syscall exit_group' -ex run \
            -ex "generate-core-file cores/core" -ex kill --args "$build"/$tool </dev/null >gdb.out 2>&1 3>&- || true
        if ! [ -s cores/core ]; then
            grep -qi 'ptrace\|operation not permitted\|not found' gdb.out || cat gdb.out
            skip "no core can be had here"
        fi
        size=$(stat -c %s cores/core)
        echo "$tool: a core of $size bytes"
        # It is a core of that process.
        grep -qaF "$VCACHE_DIR" cores/core
        run ! found_in cores
        rm cores/core
    done
}

@test "not in what /proc shows of a running program" {
    local pid kind
    use_it_all quickly
    mkfifo go
    mkdir seen
    cached running "$ask" login read:VirtualMachine:vm-57:name pid:pid say:ready wait:go &
    until_said running 3
    pid=$(cat pid)
    # The password is in the environment of this test's program, by its own will.
    for kind in cmdline maps comm; do cat "/proc/$pid/$kind" >"seen/$kind"; done
    tr '\0' '\n' <"/proc/$pid/environ" | grep -v '^VCENTER_' >seen/environ
    ls -l "/proc/$pid/fd" >seen/fd
    : >go
    wait
    grep -q libvcache.so seen/maps
    run ! found_in seen
}

# ---- sessions of its own, and healing ------------------------------------------------------------

# Whatever session there is now: its key and its cookie are secrets.
note_sessions() {
    local key cookie rest
    while read -r key cookie rest; do
        printf %s "$key" >"session-$key"
        printf %s "$cookie" >"cookie-$key"
    done < <(vcenter_session_list)
}

# Sessions that are lent, one's own, changed, ended, opened anew, refused.
use_sessions() {
    local filter='CreateFilter:PropertyCollector:propertyCollector:<spec><propSet><type>Folder</type><pathSet>name</pathSet></propSet><objectSet><obj type="Folder">group-d1</obj></objectSet></spec><partialUpdates>false</partialUpdates>'
    local view='CreateContainerView:ViewManager:ViewManager:<container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>'
    local current=read:SessionManager:SessionManager:currentSession
    mkfifo go-1 go-2
    cached lender "$ask" login "$view" "$current" read:VirtualMachine:vm-57:name
    note_sessions
    cached alone "$ask" login "$view" as:view "$filter" updates 'read:ContainerView:{view}:view' "$current" \
        'SetLocale:SessionManager:SessionManager:<locale>de</locale>' say:there wait:go-1 logout &
    until_said alone 8
    note_sessions
    : >go-1
    wait
    cached ended "$ask" login "$view" as:view say:there wait:go-2 'read:ContainerView:{view}:view' "$current" \
        FrobnicateVM:VirtualMachine:vm-57 &
    until_said ended 3
    vcenter_control /end-sessions >/dev/null
    : >go-2
    wait
    note_sessions
    cached next "$ask" login "$view" as:view 'read:ContainerView:{view}:view' "$current"
    vcenter_control "/password?user=$VCENTER_USER&password=another-Secret-5" >/dev/null
    cached refused "$ask" login "$filter" logout
    vcenter_control "/password?user=$VCENTER_USER&password=$VCENTER_PASSWORD" >/dev/null
    printf %s "$VCENTER_PASSWORD" >password
    # The shim was there: of the lender, for the filter, in the place of the one that ended, and in vain.
    [ "$(vcenter_count Login)" -eq 4 ]
    [ "$(find . -maxdepth 1 -name 'cookie-*' | wc -l)" -eq 3 ]
}

# none_found_in PATH…: no secret of use_sessions, in any form.
none_found_in() {
    local secret
    for secret in password session-* cookie-*; do
        if "$python" "$BATS_TEST_DIRNAME/search.py" "$secret" "$@"; then return 1; fi
    done
}

@test "sessions of one's own and healing: not in the cache, the log, or anywhere else" {
    use_sessions
    none_found_in "$VCACHE_DIR" "$VCACHE_LOG"
    "$build/vcache-stat" --json >tmp/json
    "$build/vcache-flush" --dry-run >tmp/flush
    none_found_in tmp home
}

# begin_forgetful [PRELOADED]: a program that keeps no password runs under the shim, as process $pid. `goes_on` lets it.
begin_forgetful() {
    printf %s "$VCENTER_PASSWORD" >password
    mkfifo in
    # What one before it said is not said by this one.
    rm -f forgetful.out
    # The process itself, without the wrapper and the shells that begin it.
    env -u VCENTER_PASSWORD LD_PRELOAD="${1-$build/libvcache.so}" "$build/tests/clients/forgetful" password \
        <in >forgetful.out 2>forgetful.err 3>&- &
    pid=$!
    exec 7>in
    until_said forgetful 1
    if ! search_memory password >/dev/null; then
        end_forgetful
        skip "no memory can be read here"
    fi
}
goes_on() {
    echo >&7
    until_said forgetful "$1"
}
end_forgetful() {
    echo >&7
    exec 7>&-
    wait "$pid"
    rm in
    [ ! -s forgetful.err ]
}
search_memory() { "$python" "$BATS_TEST_DIRNAME/search-memory.py" "$1" "$pid"; }

@test "the search of a program's memory finds what there is" {
    begin_forgetful ''
    printf vmware_soap_session >name
    search_memory name >found
    search_memory password >none
    end_forgetful
    run ! grep -qx 'elsewhere 0' found
    [ "$(cat none)" = $'kept 0\nelsewhere 0' ]
}

@test "in a program's memory the password is nowhere but in pages that are locked and in no core" {
    local who
    for who in owner borrower; do
        rm -rf "$VCACHE_DIR"
        if [ $who = borrower ]; then cached lender "$ask" login read:VirtualMachine:vm-57:name; fi
        begin_forgetful
        search_memory password >memory
        goes_on 2
        search_memory password >>memory
        goes_on 3
        search_memory password >>memory
        end_forgetful
        cat memory
        [ "$(grep -cx 'elsewhere 0' memory)" -eq 3 ]
    done
}

@test "who was lent a session holds the password, to log in for itself, in such pages" {
    cached lender "$ask" login read:VirtualMachine:vm-57:name
    begin_forgetful
    search_memory password >memory
    end_forgetful
    cat memory
    grep -qx 'elsewhere 0' memory
    run ! grep -qx 'kept 0' memory
}

@test "not in a core of the program" {
    cached lender "$ask" login read:VirtualMachine:vm-57:name
    begin_forgetful
    goes_on 2
    timeout 60 gdb --nx --batch -p "$pid" -ex 'generate-core-file core' </dev/null >gdb.out 2>&1 3>&- || true
    end_forgetful
    if ! [ -s core ]; then skip "no core can be had here"; fi
    grep -qaF vmware_soap_session core
    run ! "$python" "$BATS_TEST_DIRNAME/search.py" password core
}

@test "and wiped at the program's end, from such pages too" {
    cached lender "$ask" login read:VirtualMachine:vm-57:name
    printf %s "$VCENTER_PASSWORD" >password
    unset VCENTER_PASSWORD
    timeout 60 gdb --nx --batch -ex 'set startup-with-shell off' -ex "set environment LD_PRELOAD $build/libvcache.so" \
        -ex 'set dump-excluded-mappings on' -ex 'catch syscall exit_group' -ex run -ex 'generate-core-file core' -ex kill \
        --args "$build/tests/clients/forgetful" password </dev/null >gdb.out 2>&1 3>&- || true
    if ! [ -s core ]; then skip "no core can be had here"; fi
    grep -q '^logged out' gdb.out
    grep -qaF vmware_soap_session core
    run ! "$python" "$BATS_TEST_DIRNAME/search.py" password core
}
