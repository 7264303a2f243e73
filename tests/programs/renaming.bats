#!/usr/bin/env bats
# Whatever session a program is in: its cookie, its key and its views are called what it was told first, in what it sends
# and in what it is told, also where the names are of another length.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2154
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/sessions.bash"
vcenter_options=(--vms 10 --uneven)

setup() {
    begin
    export ASK_NAMES=1 VCACHE_TTL=0
    patience=60
    mkfifo go
}

# ended_between NAME LINES COMMAND…: when it has printed so many lines, its session ends, and it goes on.
ended_between() {
    # What a run before it said is not said by this one.
    rm -f "$1.out"
    cached "$1" "${@:3}" &
    until_said "$1" "$2"
    vcenter_control /end-sessions >/dev/null
    : >go
    wait
}

# in_both STEP…: alone, and after its session has ended, a program is told what it is told without the shim; and not one
# name of the session that it is really in. It logs in once in either case, or $expected times in all.
in_both() {
    local new
    alone alone-bare "$ask" login "$view" as:view "$filter" "$@"
    alone ended-bare "$ask" login "$view" as:view say:now "$@"
    went_well alone-bare
    went_well ended-bare
    lend "$view"
    export ASK_RAW=$BATS_TEST_TMPDIR/raw
    cached alone "$ask" login "$view" as:view "$filter" "$@"
    vcenter_session_list >listed
    ended_between ended 3 "$ask" login "$view" as:view say:now wait:go "$@"
    vcenter_session_list >>listed
    unset ASK_RAW
    same alone-bare alone
    same ended-bare ended
    logins "${expected:-2}"
    # It was a new session, of other names, of which nothing was said.
    for new in $(grep -v "^$lent " listed | cut -d' ' -f1,2); do
        [ "${#new}" -ge 20 ]
        run ! grep -F "$new" raw
    done
    [ "$(grep -vc "^$lent " listed)" -ge 1 ]
    [ "$(grep -ci '^set-cookie' raw)" -eq 2 ]
}

@test "a key, a view, what the view holds" { in_both "$current" "$active" "$in_view" 'read:ContainerView:{view}:view,type'; }

@test "gzip" { ASK_HEADERS='Accept-Encoding: gzip' in_both "$current" "$active" "$in_view" 'read:ContainerView:{view}:view'; }

@test "every framing, with gzip and without" {
    local framing gzip steps=("$current" "$active" "$in_view" 'read:ContainerView:{view}:view')
    export ASK_HEADERS='Accept-Encoding: gzip'
    for framing in length chunked; do
        for gzip in always never; do
            vcenter_control "/framing?mode=$framing" >/dev/null
            vcenter_control "/gzip?policy=$gzip" >/dev/null
            rm -rf "$VCACHE_DIR" raw listed
            forget_sessions
            in_both "${steps[@]}"
        done
    done
}

# The login for itself is answered, and with that answer the connection ends.
@test "answers that end with the connection: an answer or an error, and on it goes" {
    alone bare "$ask" login "$view" as:view "$filter" "$filter" "$current" "$active" "$in_view" logout
    lend "$view"
    vcenter_control '/framing?mode=close' >/dev/null
    cached borrower "$ask" login "$view" as:view "$filter" "$filter" "$current" "$active" "$in_view" logout
    [ "$(cat borrower.status)" -eq 0 ]
    grep -q '^CreateFilter 200 ' borrower.out
    diff <(tail -n 4 bare.out) <(tail -n 4 borrower.out)
    [ "$(keys)" = "$lent" ]
}

@test "a fault that names the view" {
    in_both 'PowerOnVM_Task:ContainerView:{view}' 'read:ContainerView:{view}:nonsense'
    grep -q '^PowerOnVM_Task 500 .*<receiver type="ContainerView">session' alone-bare.out
}

@test "views that are made later, beside one that it was lent" {
    # Where a list is made, the one that was healed opened its session itself, and may stay.
    in_both "${view/VirtualMachine/HostSystem}" as:hosts 'read:ContainerView:{hosts}:view' "$in_view" \
        'CreateListView:ViewManager:ViewManager:<obj type="VirtualMachine">vm-57</obj>' as:list 'read:ListView:{list}:view' \
        'read:ContainerView:{view}:view'
}

@test "the cookie, however it is sent back" {
    local form
    for form in whole quoted bare among; do
        export ASK_COOKIE=$form
        rm -rf "$VCACHE_DIR" raw listed
        forget_sessions
        in_both "$current" "$active" "$in_view"
    done
}

@test "a collector" {
    in_both 'CreateCollectorForEvents:EventManager:EventManager:<filter><eventTypeId>VmCreatedEvent</eventTypeId></filter>' \
        as:collector 'read:EventHistoryCollector:{collector}:filter'
}

@test "more than a megabyte, from end to end" {
    local every
    another_vcenter own --vms 120 --uneven
    every="<propSet><type>PerformanceManager</type><pathSet>perfCounter</pathSet></propSet><propSet><type>ContainerView</type><pathSet>type</pathSet></propSet>"
    every="$every<propSet><type>VirtualMachine</type><all>true</all></propSet><objectSet><obj type=\"ContainerView\">{view}</obj></objectSet>"
    every="$every<objectSet><obj type=\"PerformanceManager\">PerfMgr</obj></objectSet><objectSet><obj type=\"ContainerView\">{hosts}</obj></objectSet>"
    every="$every<objectSet><obj type=\"ContainerView\">{view}</obj><skip>true</skip><selectSet xsi:type=\"TraversalSpec\"><type>ContainerView</type><path>view</path></selectSet></objectSet>"
    every="$every<objectSet><obj type=\"ContainerView\">{stores}</obj></objectSet>"
    local steps=(login "$view" as:view "${view/VirtualMachine/HostSystem}" as:hosts "${view/VirtualMachine/Datastore}" as:stores
        "$filter" "RetrievePropertiesEx:PropertyCollector:propertyCollector:<specSet>$every</specSet><options></options>"
        "CreateFilter:PropertyCollector:propertyCollector:<spec>$every</spec><partialUpdates>false</partialUpdates>" updates logout)
    local gzip
    alone bare "$ask" "${steps[@]}"
    went_well bare
    [ "$(grep '^updates' bare.out | wc -c)" -gt 1000000 ]
    [ "$(grep '^RetrievePropertiesEx' bare.out | grep -o 'session\[key-1\]' | wc -l)" -eq 3 ]
    for gzip in '' gzip; do
        export ASK_HEADERS=${gzip:+Accept-Encoding: $gzip}
        lend
        cached borrower "$ask" "${steps[@]}"
        same bare borrower
        logins 1
        forget_sessions
        rm -rf "$VCACHE_DIR"
    done
}

@test "what is stored under old names is found under new ones, and never given out" {
    local steps=(login "$view" as:view "$current" "$in_view" 'read:ContainerView:{view}:view' "$active")
    export VCACHE_TTL=600
    alone bare "$ask" "${steps[@]}"
    lend "$view"
    cached ended "$ask" "${steps[@]}"
    vcenter_control /end-sessions >/dev/null
    # The one that heals asks something live first; what it reads is stored.
    cached healer "$ask" login "$view" as:view "$active" "$current" "$in_view" 'read:ContainerView:{view}:view' "$active"
    vcenter_reset
    export ASK_RAW=$BATS_TEST_TMPDIR/raw
    cached next "$ask" "${steps[@]}"
    same bare next
    run ! grep -F "$lent" raw
    logins 0
    grep -qF "$(keys)" raw
}

@test "a second login, after the first one's session has ended, is not called by the first one's names" {
    local steps=(login "$view" as:view save:one say:now "$active" "$current" close use: login save:two "$current" use:one "$current"
        'read:ContainerView:{view}:view' use:two "$current" logout)
    alone bare "$ask" "${steps[@]}"
    grep -q '<key>key-2</key>' bare.out
    lend "$view"
    ended_between run 2 "$ask" "${steps[@]/say:now/wait:go}"
    sed -i '/^now$/d' bare.out
    sed 's/key-[0-9]*/key/g; s/ sets .*//' bare.out >bare-keys
    # Whether the second is a session of its own or the one that heals the first, each cookie has its own key.
    grep -q '^SessionIsActive 200 .*true' run.out
    sed 's/key-[0-9]*/key/g; s/ sets .*//' run.out | diff bare-keys -
    sed -n 's/^read .*<key>\(key-[0-9]*\)<.*/\1/p' run.out >seen
    [ "$(sed -n 1p seen)" = key-1 ]
    [ "$(sed -n 2p seen)" = "$(sed -n 4p seen)" ]
    [ "$(sed -n 3p seen)" = key-1 ]
}

# ---- HTTP by hand --------------------------------------------------------------------------------

# by_hand SCENARIO: alone and after its session has ended, as without the shim.
by_hand() {
    local how
    for how in alone ended; do
        forget_sessions
        if [ $how = ended ]; then : >go & fi
        plainly "$how-bare" "$scripts/wire_session.py" $how "$1"
        went_well "$how-bare"
        forget_sessions
        lend "$view"
        if [ $how = alone ]; then
            cached alone "$scripts/wire_session.py" alone "$1"
        else
            ended_between ended 1 "$scripts/wire_session.py" ended "$1"
        fi
        same "$how-bare" $how
        logins 1
        run ! grep -v "unknown: \[\]" <(grep ^unknown $how.out)
        rm -rf "$VCACHE_DIR"
    done
}

@test "by hand: as usual, and compressed" { by_hand whole; }
@test "by hand: byte by byte, head and body apart" { by_hand pieces; }
@test "by hand: requests in chunks" { by_hand chunked; }
@test "by hand: 100 Continue" { by_hand expect; }
@test "by hand: the cookie in every spelling" { by_hand cookies; }
@test "by hand: HTTP/1.0, Connection: close" { by_hand http10; }
@test "by hand: requests of a megabyte" { by_hand large; }

@test "by hand: several requests before the first answer, alone" {
    forget_sessions
    plainly bare "$scripts/wire_session.py" alone pipelined
    went_well bare
    forget_sessions
    lend "$view"
    cached alone "$scripts/wire_session.py" alone pipelined
    same bare alone
    logins 1
}
