#!/usr/bin/env bats
# A session that vCenter has ended is no affair of the programs that were lent it: it is logged in again, once for all of
# them, and they go on with what they hold.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2154
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/sessions.bash"

setup() {
    begin
    # Everything is asked of the origin.
    export ASK_NAMES=1 VCACHE_TTL=0
    patience=60
    client=$build/tests/clients/client
}

# healed: one login more, one session, and the next program is lent it.
healed() {
    logins 1
    [ "$(vcenter_sessions)" -eq 1 ]
    [ "$(keys)" != "$lent" ]
    lent=$(keys)
    still_lent
}

# ---- real programs -------------------------------------------------------------------------------

# heals_before COMMAND…: its session has ended before it began.
heals_before() {
    alone bare "$@"
    went_well bare
    begun_late() {
        from_nothing
        lend "$view"
        vcenter_control /end-sessions >/dev/null
        cached after "$@"
    }
    undisturbed begun_late "$@"
    same bare after
    healed
}

@test "ended before the run: pyVmomi" { heals_before "$python" "$scripts/inventory.py"; }
@test "ended before the run: pyVmomi, one property at a time" { heals_before "$python" "$scripts/find.py" DC0/vm/DC0_H0_VM0; }
@test "ended before the run: rbvmomi" { heals_before ruby "$scripts/inventory.rb"; }
@test "ended before the run: Perl" { heals_before perl "$scripts/inventory.pl"; }
@test "ended before the run: PHP" { heals_before php "$scripts/inventory.php"; }
@test "ended before the run: C, select" { heals_before "$client" select; }
@test "ended before the run: C, epoll at edges" { heals_before "$client" edge; }
@test "ended before the run: C, a connection for each request" { heals_before "$client" close; }
@test "ended before the run: C, a connection for each request, closed after it" { heals_before "$client" close-late; }
@test "ended before the run: C, byte by byte" { heals_before "$client" tiny; }
@test "ended before the run: C, eight threads" { heals_before "$client" blocking 8; }

# heals_between COMMAND…: its session ends before any one of its requests.
heals_between() {
    local n ends=0
    alone bare "$@"
    went_well bare
    for ((n = 0; n <= ends; n++)); do
        lend "$view"
        vcenter_control "/fail?end=1&skip=$n" >/dev/null
        cached "between-$n" "$@"
        same bare "between-$n" || { echo "ended before request $n" && return 1; }
        # Until there are no requests left for it to end before.
        if vcenter_journal | grep -q '"trouble":"session ended"'; then
            # None, where what came after needs no session.
            [ "$(vcenter_count Login)" -le 1 ]
            ends=$((n + 1))
        else
            logins 0
        fi
        vcenter_control '/fail?times=0' >/dev/null
        forget_sessions
        rm -rf "$VCACHE_DIR"
    done
    [ "$ends" -ge 2 ]
}

@test "ended between two requests: pyVmomi" { heals_between "$python" "$scripts/inventory.py"; }
@test "ended between two requests: rbvmomi" { heals_between ruby "$scripts/inventory.rb"; }
@test "ended between two requests: C" { heals_between "$client" poll; }

# ends_while_waiting COMMAND…: with a session of its own, it is told what it would have been told.
ends_while_waiting() {
    local run
    for run in plainly cached; do
        forget_sessions
        if [ $run = cached ]; then lend; fi
        $run "$run" "$@" &
        vcenter_control '/await?operation=WaitForUpdates&count=2&seconds=60'
        vcenter_control "/end-sessions?key=$(at_origin WaitForUpdates session | head -n 1)" >/dev/null
        wait
    done
    went_well plainly
    said plainly | grep -q NotAuthenticated
    same plainly cached
    [ "$(keys)" = "$lent" ]
    logins 1
}

@test "ended while it waits for updates: pyVmomi" { ends_while_waiting "$python" "$scripts/wait.py" for-ever DC0_H0_VM0; }
@test "ended while it waits for updates: rbvmomi" { ends_while_waiting ruby "$scripts/wait.rb" for-ever DC0_H0_VM0; }

# ---- every kind of request -----------------------------------------------------------------------

# heals STEP…: these steps, the session having ended before the first of them, say what they say otherwise.
heals() {
    alone bare "$ask" login "$name" "$view" as:view say:now "$@" "$current" "$active" "$in_view" "$name" logout
    went_well bare
    lend "$view"
    mkfifo now
    cached after "$ask" login "$name" "$view" as:view say:now wait:now "$@" "$current" "$active" "$in_view" "$name" logout &
    until_said after 4
    vcenter_control /end-sessions >/dev/null
    : >now
    wait
    made_alike
    same bare after
    logins 1
    [ "$(vcenter_sessions)" -eq 1 ]
}

@test "a read" { heals "$name"; }
@test "something live, that speaks of the session" { heals "$active"; }
@test "a view is made" { heals "${view/VirtualMachine/HostSystem}" as:hosts 'read:ContainerView:{hosts}:view'; }
@test "a view that it was lent is read" { heals 'read:ContainerView:{view}:view'; }
@test "a view that it was lent is the start of a read" { heals "$in_view"; }
@test "currentSession" { heals "$current"; }
@test "an operation that nobody knows" { heals FrobnicateVM:VirtualMachine:vm-57; }
@test "a task" { heals "$(rename vm-57 DC0_H0_VM0)"; }

@test "a write is done, once" {
    heals 'CreateFolder:Folder:folder-3:<name>healed</name>' as:folder 'Destroy_Task:Folder:{folder}'
    grep -q '^CreateFolder 200 ' after.out
    # It was sent twice, and refused once.
    [ "$(vcenter_count CreateFolder)" -eq 2 ]
    [ "$(vcenter_journal | grep '"operation":"CreateFolder"' | grep -c '"status":200')" -eq 1 ]
}

@test "the same, by who asks for the connection to be closed" {
    export ASK_HEADERS='Connection: close'
    heals 'CreateFolder:Folder:folder-3:<name>healed</name>' as:folder 'Destroy_Task:Folder:{folder}'
    grep -q '^CreateFolder 200 ' after.out
    [ "$(vcenter_journal | grep '"operation":"CreateFolder"' | grep -c '"status":200')" -eq 1 ]
}

@test "what lives in a session: it gets one of its own, whatever has become of the one it was lent" {
    heals_alone() {
        alone bare "$ask" login "$view" as:view say:now "$filter" as:filter updates "$in_view" "$current" "$unfilter" logout
        lend "$view"
        mkfifo now
        cached after "$ask" login "$view" as:view say:now wait:now "$filter" as:filter updates "$in_view" "$current" "$unfilter" logout &
        until_said after 3
        vcenter_control /end-sessions >/dev/null
        : >now
        wait
        same bare after
    }
    heals_alone
    logins 1
    [ "$(vcenter_sessions)" -eq 0 ]
}

# heals_alone STEP…: who is alone in a session, and keeps in it what can be made again, says after its end what it would
# have said.
heals_alone() {
    alone bare "$ask" login "$filter" as:filter "$unfilter" "$view" as:view "$in_view" say:now "$@" "$active" "$current" logout
    lend
    mkfifo now
    cached after "$ask" login "$filter" as:filter "$unfilter" "$view" as:view "$in_view" say:now wait:now "$@" "$active" "$current" logout &
    until_said after 6
    vcenter_control "/end-sessions?key=$(at_origin CreateFilter session)" >/dev/null
    : >now
    wait
    same bare after
    logins 2
    [ "$(keys)" = "$lent" ]
    still_lent
}

@test "a view of one's own session is made again" { heals_alone "$in_view" 'read:ContainerView:{view}:view'; }

@test "a view of one's own session is destroyed, made again or not" {
    heals_alone "$in_view" "$destroy" 'read:ContainerView:{view}:view' "$view" as:view "$in_view" "$destroy"
}

@test "a view that has ended with one's own session is destroyed" { heals_alone "$destroy"; }

@test "a view that has ended with the session: who destroys it destroys none of those who made theirs again" {
    lend "$view"
    mkfifo go-1 go-2 go-3
    cached stays "$ask" login "$view" as:view say:there wait:go-1 "$in_view" say:made wait:go-3 "$in_view" logout &
    until_said stays 3
    cached goes "$ask" login "$view" as:view say:there wait:go-2 "$active" "$destroy" say:gone logout &
    until_said goes 3
    vcenter_control /end-sessions >/dev/null
    : >go-1
    until_said stays 5
    : >go-2
    until_said goes 6
    : >go-3
    wait
    [ "$(grep -c ' 200 ' stays.out)" -eq 5 ]
    [ "$(grep -c ' 200 ' goes.out)" -eq 5 ]
    [ "$(vcenter_count DestroyView)" -eq 0 ]
    [ "$(vcenter_views)" -eq 1 ]
    healed
}

@test "in the language that it asked for" {
    alone bare "$ask" login:de "$label" "$current"
    cached lender "$ask" login:de "$name"
    vcenter_reset
    vcenter_control /end-sessions >/dev/null
    cached after "$ask" login:de "$label" "$current"
    same bare after
    grep -q '<locale>de' after.out
    logins 1
}

@test "the next page of what was begun before: an honest fault, and on it goes" {
    local first
    first="RetrievePropertiesEx:PropertyCollector:propertyCollector:<specSet>$(names_of '{view}')</specSet><options><maxObjects>4</maxObjects></options>"
    lend "$view"
    vcenter_control '/fail?end=1&operation=ContinueRetrievePropertiesEx' >/dev/null
    cached after "$ask" login "$view" as:view "$first" \
        'ContinueRetrievePropertiesEx:PropertyCollector:propertyCollector:<token>{token}</token>' "$in_view" "$name" logout
    grep -q '^RetrievePropertiesEx 200 .*<token>' after.out
    grep -q '^ContinueRetrievePropertiesEx 500 .*\(NotAuthenticated\|InvalidArgument\)' after.out
    [ "$(tail -n 3 after.out | grep -c ' 200 ')" -eq 3 ]
    logins 1
}

@test "a request larger than any that is looked at: an answer, or an honest fault, and on it goes" {
    lend
    vcenter_control '/fail?end=1' >/dev/null
    # Five megabytes of nothing.
    cached after "$python" -c "
import os, sys
step = 'FindByInventoryPath:SearchIndex:SearchIndex:<inventoryPath>DC0/vm</inventoryPath>'
sys.argv = ['ask.py', 'login', step + ' ' * (5 << 20), '$name', 'logout']
exec(open(os.environ['ask']).read())"
    grep -q '^FindByInventoryPath \(200 .*folder-3\|500 .*NotAuthenticated\)' after.out
    [ "$(tail -n 2 after.out | grep -c ' 200 ')" -eq 2 ]
}

@test "what else the cookie is for, on the same connection" {
    local steps=(login "$name" say:now "$active" get:/folder/x?dcPath=DC0\&dsName=LocalDS_0 logout)
    alone bare "$ask" "${steps[@]}"
    lend
    mkfifo now
    cached after "$ask" "${steps[@]/say:now/wait:now}" &
    until_said after 2
    vcenter_control /end-sessions >/dev/null
    : >now
    wait
    sed -i '/^now$/d' bare.out
    same bare after
}

@test "the refusal is understood in every framing, and in a coding" {
    local framing gzip
    alone bare "$ask" login "$view" as:view "$in_view" "$active" logout
    export ASK_HEADERS='Accept-Encoding: gzip'
    for framing in length chunked; do
        for gzip in never always; do
            vcenter_control "/framing?mode=$framing" >/dev/null
            vcenter_control "/gzip?policy=$gzip" >/dev/null
            lend "$view"
            vcenter_control /end-sessions >/dev/null
            cached after "$ask" login "$view" as:view "$in_view" "$active" logout
            same bare after
            logins 1
            forget_sessions
            rm -rf "$VCACHE_DIR"
        done
    done
}

@test "a refusal after which the origin closes, and a login after which it does" {
    local steps=(login "$view" as:view "$in_view" "$active" "$name" logout)
    alone bare "$ask" "${steps[@]}"
    lend "$view"
    vcenter_control '/framing?mode=close' >/dev/null
    vcenter_control /end-sessions >/dev/null
    cached after "$ask" "${steps[@]}"
    same bare after
    logins 1
    [ "$(vcenter_count RetrievePropertiesEx)" -eq 3 ]
}

# ---- for all, once -------------------------------------------------------------------------------

@test "eight at once notice it, and one logs in; their views are made once" {
    local i pids=() steps=(login "$view" as:view say:there wait:GO "$active" "$in_view" "$current" "$view" logout)
    alone bare "$ask" "${steps[@]/wait:GO/say:go}"
    # The second view of the same is the first one here.
    sed -i '/^go$/d; s/\[key-1\]2</[key-1]1</' bare.out
    eight() {
        from_nothing
        lend "$view"
        pids=()
        for i in 1 2 3 4 5 6 7 8; do
            rm -f "go-$i" "run-$i.out"
            mkfifo "go-$i"
            cached "run-$i" "$ask" "${steps[@]/wait:GO/wait:go-$i}" &
            pids+=($!)
        done
        for i in 1 2 3 4 5 6 7 8; do until_said "run-$i" 3; done
        vcenter_control /end-sessions >/dev/null
        vcenter_control '/delay?ms=100' >/dev/null
        for i in 1 2 3 4 5 6 7 8; do : >"go-$i"; done
        wait "${pids[@]}"
        vcenter_control '/delay?ms=0' >/dev/null
    }
    undisturbed eight
    for i in 1 2 3 4 5 6 7 8; do same bare "run-$i"; done
    [ "$(vcenter_views)" -eq 1 ]
    healed
}

@test "eight pyVmomi programs at once, begun after it ended: one login" {
    local i pids
    alone bare "$python" "$scripts/inventory.py"
    eight() {
        from_nothing
        lend
        vcenter_control /end-sessions >/dev/null
        pids=()
        for i in 1 2 3 4 5 6 7 8; do
            cached "run-$i" "$python" "$scripts/inventory.py" &
            pids+=($!)
        done
        wait "${pids[@]}"
        for i in 1 2 3 4 5 6 7 8; do same bare "run-$i"; done
    }
    undisturbed eight
    [ "$(vcenter_views)" -eq 2 ]
    healed
}

@test "who notices later is lent what the first one opened" {
    local steps=(login "$view" as:view "$name" say:there wait:go "$active" "$in_view" "$current" logout)
    alone bare "$ask" "${steps[@]/wait:go/say:go}"
    sed -i '/^go$/d' bare.out
    lend "$view"
    mkfifo go
    cached late "$ask" "${steps[@]}" &
    until_said late 4
    vcenter_control /end-sessions >/dev/null
    cached early "$ask" login "$active" "$view"
    [ "$(grep -c ' 200 ' early.out)" -eq 3 ]
    : >go
    wait
    same bare late
    [ "$(vcenter_views)" -eq 1 ]
    healed
}

@test "who notices is not lent the dead one by others, nor are they by it" {
    lend
    vcenter_control /end-sessions >/dev/null
    cached first "$ask" login "$active" key:key
    grep -q '^SessionIsActive 200 .*true' first.out
    cached second "$ask" login key:next
    [ "$(cat next)" != "$lent" ]
    [ "$(cat next)" = "$(keys)" ]
    logins 1
}

@test "it goes on in the new session to its end: one login, whatever it asks" {
    local steps=(login "$view" as:view "$active" "$name" "$in_view" "$current" close "$active" "$(rename vm-57 DC0_H0_VM0)"
        "$name" "$active" logout "$name")
    alone bare "$ask" "${steps[@]}"
    lend "$view"
    vcenter_control /end-sessions >/dev/null
    cached after "$ask" "${steps[@]}"
    made_alike
    same bare after
    logins 1
    # The first request was refused, and nothing after it, but for what came after the logout.
    [ "$(vcenter_journal | grep -c '"session":""')" -eq 2 ]
}

@test "it ends again, and again" {
    local i
    lend "$view"
    mkfifo go-1 go-2 go-3
    cached run "$ask" login "$view" as:view say:0 wait:go-1 "$in_view" wait:go-2 "$active" wait:go-3 "$in_view" "$current" logout &
    for i in 1 2 3; do
        until_said run $((i + 2))
        vcenter_control /end-sessions >/dev/null
        : >"go-$i"
    done
    wait
    alone bare "$ask" login "$view" as:view say:0 "$in_view" "$active" "$in_view" "$current" logout
    same bare run
}

@test "parent and child, each of them" {
    local steps=(login "$name" close say:now fork "$active" "$name" joined "$active" "$current" "$name" logout)
    alone bare "$ask" "${steps[@]}"
    VCACHE_TTL=600 lend
    vcenter_control /end-sessions >/dev/null
    # What is stored is answered though the session has ended: the child is the first to notice.
    VCACHE_TTL=600 cached after "$ask" "${steps[@]}"
    same bare after
    logins 1
}

@test "who opened the session himself, while it is lent" {
    local steps=(login "$view" as:view say:now wait:go "$active" "$in_view" "$current" logout)
    alone bare "$ask" "${steps[@]/wait:go/say:go}"
    sed -i '/^go$/d' bare.out
    mkfifo go
    cached owner "$ask" "${steps[@]}" &
    until_said owner 3
    lent=$(keys)
    vcenter_control /end-sessions >/dev/null
    vcenter_reset
    : >go
    wait
    same bare owner
    healed
}

@test "a session that idled out at the origin" {
    local tries steps=(login "$view" as:view say:now wait:go "$active" "$in_view" "$current" logout)
    # Longer than anybody takes from one request to the next, on a machine that is busy.
    another_vcenter own --vms 10 --session-idle 5s
    alone bare "$ask" "${steps[@]/wait:go/say:go}"
    sed -i '/^go$/d' bare.out
    mkfifo go
    cached run "$ask" "${steps[@]}" &
    local pid=$!
    until_said run 3
    for ((tries = 0; tries < 600; tries++)); do
        [ "$(vcenter_sessions)" -eq 0 ] && break
        sleep 0.05
    done
    : >go
    wait $pid
    same bare run
    logins 2
}

@test "who is logging in again is killed: another does" {
    lend
    mkfifo go
    cached run "$ask" login say:there wait:go "$active" logout &
    until_said run 2
    vcenter_control /end-sessions >/dev/null
    vcenter_control '/hold?operation=Login' >/dev/null
    cached killed "$ask" login pid:pid "$active" &
    vcenter_control '/await?operation=Login&count=1&seconds=60'
    : >go
    vcenter_control '/await?operation=SessionIsActive&count=2&seconds=60'
    kill -KILL "$(cat pid)"
    vcenter_control '/await?operation=Login&count=2&seconds=60'
    vcenter_control /release >/dev/null
    wait
    grep -q '^SessionIsActive 200 .*true' run.out
    logins 2
}

@test "while nobody can write to the store: who notices it logs in" {
    local holder run
    lend
    mkfifo go
    cached run "$ask" login say:there wait:go "$active" "$name" logout &
    run=$!
    until_said run 2
    "$python" "$programs/faults/hold-lock.py" "$VCACHE_DIR/locks" 0 1 >held.out 3>&- &
    holder=$!
    until_said held 1
    vcenter_control /end-sessions >/dev/null
    : >go
    wait $run
    kill $holder
    grep -q '^SessionIsActive 200 .*true' run.out
    grep -q '^read 200 ' run.out
    logins 1
}

@test "views that only one program made, in a session that only it knows, are two in one that all know" {
    local hosts=${view/VirtualMachine/HostSystem} holder run
    local content=RetrieveServiceContent:ServiceInstance:ServiceInstance
    local steps=(login "$view" as:view "$hosts" as:hosts say:there wait:go 'read:ContainerView:{view}:view,type'
        'read:ContainerView:{hosts}:view,type' 'read:ContainerView:{view}:view,type' logout)
    alone bare "$ask" "$content" "${steps[@]/wait:go/say:go}"
    sed -i '/^go$/d' bare.out
    mkfifo go start
    cached run "$ask" "$content" wait:start "${steps[@]}" &
    run=$!
    until_said run 1
    # What it opens cannot be lent, for nobody can write to the store.
    "$python" "$programs/faults/hold-lock.py" "$VCACHE_DIR/locks" 0 1 >held.out 3>&- &
    holder=$!
    until_said held 1
    : >start
    until_said run 5
    kill $holder
    vcenter_control /end-sessions >/dev/null
    lend
    : >go
    wait $run
    same bare run
    logins 0
}

# ---- honestly ------------------------------------------------------------------------------------

@test "refused again after the login: the program is told so, and no more is tried" {
    lend
    vcenter_control '/fail?fault=NotAuthenticated&times=9&operation=SessionIsActive' >/dev/null
    cached after "$ask" login "$active" logout
    grep -q '^SessionIsActive 500 .*NotAuthenticated' after.out
    [ "$(vcenter_count SessionIsActive)" -eq 2 ]
    logins 1
}

@test "the password was changed meanwhile: the program is told that its session has ended" {
    lend
    vcenter_control /end-sessions >/dev/null
    vcenter_control "/password?user=$VCENTER_USER&password=another-Secret-5" >/dev/null
    cached after "$ask" login "$active" "$name" logout
    # Nor is it, with the old password, lent to anybody else.
    cached next "$ask" login "$name"
    plainly next-bare "$ask" login "$name"
    vcenter_control "/password?user=$VCENTER_USER&password=$VCENTER_PASSWORD" >/dev/null
    grep -q '^SessionIsActive 500 .*\(NotAuthenticated\|InvalidLogin\)' after.out
    grep -q '^read 500 .*NotAuthenticated' after.out
    [ "$(cat after.status)" -eq 0 ]
    same next-bare next
}

# forward TIMES: forward.py in the background.
forward() {
    "$python" "$scripts/forward.py" "$1" >forward.out 2>/dev/null 3>&- &
    echo $! >forward.pid
    until_said forward 1
}

@test "the connection ends with the refusal, and there is no new one: the program is told that its session has ended" {
    forward 2
    export VCENTER_PORT
    VCENTER_PORT=$(head -n 1 forward.out)
    lend
    vcenter_control /end-sessions >/dev/null
    vcenter_control '/framing?mode=close' >/dev/null
    cached after "$ask" login say:there "$active" "$name"
    kill "$(cat forward.pid)"
    [ "$(cat after.status)" -eq 0 ]
    grep -q '^closed$' forward.out
    grep -q '^SessionIsActive 500 .*NotAuthenticated' after.out
    # The next connection is put off, and found wanting by the write: deferred-trust.bats.
    grep -Eq '^read (ConnectionRefusedError|SSLError)' after.out
    logins 0
}

@test "a child on the connection of its parent, which ends with the refusal: it is told so, and its parent goes on" {
    lend
    mkfifo go
    cached after "$ask" login say:there wait:go fork "$active" joined close "$active" logout &
    until_said after 2
    vcenter_control /end-sessions >/dev/null
    vcenter_control '/framing?mode=close' >/dev/null
    : >go
    wait
    [ "$(cat after.status)" -eq 0 ]
    grep -q '^SessionIsActive 500 .*NotAuthenticated' after.out
    grep -q '^SessionIsActive 200 .*true' after.out
    logins 1
}

@test "the origin cannot log anybody in: the program is told that its session has ended" {
    lend
    vcenter_control /end-sessions >/dev/null
    vcenter_control '/fail?status=503&times=9&operation=Login' >/dev/null
    cached after "$ask" login "$active" logout
    grep -q '^SessionIsActive \(500 .*NotAuthenticated\|503\)' after.out
    [ "$(cat after.status)" -eq 0 ]
    vcenter_control '/fail?times=0' >/dev/null
    cached next "$ask" login "$active" logout
    grep -q '^SessionIsActive 200 .*true' next.out
}

@test "the login is lost on its way: the program is told that its session has ended, and logs in again" {
    local how
    for how in before reset truncate; do
        lend
        vcenter_control /end-sessions >/dev/null
        vcenter_control "/fail?$how=1&operation=Login" >/dev/null
        cached after "$ask" login "$active" login "$active" "$name" logout
        [ "$(cut -d' ' -f1,2 after.out | tr '\n' ' ')" = \
            "login 200 SessionIsActive 500 login 200 SessionIsActive 200 read 200 logout 200 " ]
        grep -q '^SessionIsActive 500 .*NotAuthenticated' after.out
        forget_sessions
        rm -rf "$VCACHE_DIR"
    done
}

@test "a login that failed for another reason than the password: the next time it is tried again" {
    lend
    vcenter_control '/fail?fault=HostNotConnected&operation=Login' >/dev/null
    mkfifo go
    cached after "$ask" login "$filter" as:filter "$unfilter" say:there wait:go "$active" &
    until_said after 4
    vcenter_control /end-sessions >/dev/null
    : >go
    wait
    grep -q '^SessionIsActive 200 .*true' after.out
    logins 2
}

@test "other faults are none of it" {
    local fault
    lend
    for fault in NoPermission InvalidLogin HostNotConnected; do
        vcenter_control "/fail?fault=$fault&operation=SessionIsActive" >/dev/null
        cached run "$ask" login "$active" "$active"
        grep -q "^SessionIsActive 500 .*$fault" run.out
        grep -q '^SessionIsActive 200 ' run.out
    done
    logins 0
    still_lent
}

@test "who has a cookie and was seen to log in by nobody is refused" {
    plainly stranger "$ask" login save:cookie
    vcenter_control /end-sessions >/dev/null
    plainly bare "$ask" use:cookie "$name" "$view" FrobnicateVM:VirtualMachine:vm-57 logout
    vcenter_reset
    cached run "$ask" use:cookie "$name" "$view" FrobnicateVM:VirtualMachine:vm-57 logout
    same bare run
    logins 0
}

@test "who has logged out is refused" {
    alone bare "$ask" login "$name" logout "$name" "$active" "$current"
    lend
    cached run "$ask" login "$name" logout "$name" "$active" "$current"
    same bare run
    logins 0
    [ "$(keys)" = "$lent" ]
}

@test "who is alone in a session that has ended is told so, as without the shim" {
    local run steps=(login "$filter" updates say:now wait:go "$name" updates "$current" "$filter" logout)
    mkfifo go
    for run in plainly cached; do
        forget_sessions
        if [ $run = cached ]; then lend; fi
        $run "$run" "$ask" "${steps[@]}" &
        until_said "$run" 4
        vcenter_control "/end-sessions?key=$(at_origin CreateFilter session)" >/dev/null
        : >go
        wait
    done
    grep -q '^updates 500 .*NotAuthenticated' plainly.out
    same plainly cached
    [ "$(keys)" = "$lent" ]
    still_lent
}
