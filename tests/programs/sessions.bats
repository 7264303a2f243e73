#!/usr/bin/env bats
# One login serves all who present the same credentials, for as long as it lives; and its views with it.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    name=read:VirtualMachine:vm-57:name
    current=read:SessionManager:SessionManager:currentSession
    view='CreateContainerView:ViewManager:ViewManager:<container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>'
}

@test "a login is lent: with its cookie and its session, to the byte" {
    cached first "$ask" login save:cookie-1 key:key-1
    vcenter_reset
    zero
    cached second "$ask" login save:cookie-2 key:key-2
    same first second
    cmp cookie-1 cookie-2
    cmp key-1 key-2
    grep -q '^vmware_soap_session="[0-9a-f]*"; Path=/; HttpOnly; Secure;$' cookie-2
    origin_was_not_asked
    counted 'hit.session-lent 1'
}

@test "a lent session is real: what is asked live in it is answered" {
    cached first "$ask" login
    vcenter_reset
    cached second "$ask" login CurrentTime:ServiceInstance:ServiceInstance
    grep -q '^CurrentTime 200 ' second.out
    origin_was_asked CurrentTime
}

@test "logging out ends nobody's session: it is there for the next" {
    cached first "$ask" login "$name" logout
    grep -q '^logout 200 <LogoutResponse xmlns="urn:vim25"></LogoutResponse>$' first.out
    [ "$(vcenter_count Logout)" -eq 0 ]
    [ "$(vcenter_sessions)" -eq 1 ]
    vcenter_reset
    cached second "$ask" login "$name" logout
    same first second
    origin_was_not_asked
    [ "$(vcenter_sessions)" -eq 1 ]
}

@test "the answer to a logout is that of vCenter" {
    plainly bare "$ask" login logout
    cached here "$ask" login logout
    same bare here
    [ "$(counter hit.logout-kept)" -eq 1 ]
}

@test "who asks on after logging out is refused, and takes the session from nobody" {
    plainly bare "$ask" login logout logout "$name"
    [ "$(grep -c ' 500 .*NotAuthenticated' bare.out)" -eq 2 ]
    cached first "$ask" login logout logout "$name"
    same bare first
    [ "$(counter bypass.logged-out)" -eq 2 ]
    vcenter_reset
    cached second "$ask" login logout
    origin_was_not_asked
}

@test "ten runs, one session" {
    local i
    for i in $(seq 10); do
        VCACHE_TTL=0 cached "run-$i" "$ask" login "$name" logout
        same run-1 "run-$i"
    done
    [ "$(vcenter_count Login)" -eq 1 ]
    [ "$(vcenter_sessions)" -eq 1 ]
    # Without the shim the same ten open ten.
    vcenter_reset
    for i in $(seq 10); do plainly "run-$i" "$ask" login "$name" logout; done
    [ "$(vcenter_count Login)" -eq 10 ]
}

@test "currentSession is that of the lent session, as long as it is lent" {
    cached first "$ask" login key:key "$current"
    vcenter_reset
    cached second "$ask" login "$current"
    same first second
    origin_was_not_asked
}

@test "currentSession of nobody is nobody's" {
    cached first "$ask" login "$current"
    plainly bare "$ask" "$current"
    zero
    cached stranger "$ask" "$current"
    same bare stranger
    counted 'bypass.live 1'
    run ! grep -q '<userName>' stranger.out
}

@test "a view is lent with the session: however many runs, there is one" {
    local i
    for i in 1 2 3; do
        cached "run-$i" "$ask" login "$view" logout
        same run-1 "run-$i"
    done
    [ "$(vcenter_count CreateContainerView)" -eq 1 ]
    [ "$(vcenter_views)" -eq 1 ]
    # With other arguments it is another view.
    cached other "$ask" login "${view/VirtualMachine/HostSystem}"
    [ "$(vcenter_count CreateContainerView)" -eq 2 ]
    [ "$(vcenter_views)" -eq 2 ]
}

@test "who destroys a lent view destroys nothing of the next one's" {
    cached first "$python" "$scripts/inventory.py"
    [ "$(vcenter_count DestroyView)" -eq 0 ]
    [ "$(vcenter_views)" -eq 2 ]
    VCACHE_TTL=0 cached second "$python" "$scripts/inventory.py"
    same first second
    [ "$(vcenter_count CreateContainerView)" -eq 2 ]
    [ "$(vcenter_views)" -eq 2 ]
}

@test "a view that others may hold outlives the directory of the cache" {
    mkfifo go
    cached first "$ask" login "$view" say:ready wait:go "$name" DestroyView:ContainerView:@ read:ContainerView:@:type &
    until_said first 3
    rm -r "$VCACHE_DIR"
    : >go
    wait
    grep -q '^DestroyView 200 <DestroyViewResponse' first.out
    grep -q '^read 200 .*<string.*>VirtualMachine<' first.out
    [ "$(vcenter_count DestroyView)" -eq 0 ]
    [ "$(vcenter_views)" -eq 1 ]
}

@test "views are live: what was made since is in them" {
    local inventory=("$python" "$scripts/inventory.py")
    cached before "${inventory[@]}"
    VCACHE_FENCE=1 cached write "$ask" login 'Rename_Task:VirtualMachine:vm-57:<newName>in-the-view</newName>'
    cached after "${inventory[@]}"
    plainly truth "${inventory[@]}"
    plainly write "$ask" login 'Rename_Task:VirtualMachine:vm-57:<newName>DC0_H0_VM0</newName>'
    same truth after
    grep -q '^in-the-view ' after.out
    [ "$(vcenter_views)" -eq 2 ]
}

@test "a session that vCenter has ended is followed by a new one" {
    cached first "$python" "$scripts/inventory.py"
    vcenter_control /end-sessions >/dev/null
    # Somebody has to find out: with a request that goes to vCenter. It is answered all the same.
    vcenter_reset
    cached finder "$ask" login CurrentTime:ServiceInstance:ServiceInstance
    grep -q '^CurrentTime 200 ' finder.out
    [ "$(vcenter_count Login)" -eq 1 ]
    vcenter_reset
    VCACHE_TTL=0 cached second "$python" "$scripts/inventory.py"
    same first second
    [ "$(vcenter_count Login)" -eq 0 ]
    [ "$(vcenter_count CreateContainerView)" -eq 2 ]
    [ "$(vcenter_sessions)" -eq 1 ]
    [ "$(vcenter_views)" -eq 2 ]
    vcenter_reset
    cached third "$python" "$scripts/inventory.py"
    same first third
    origin_was_not_asked
}

@test "a session unused for VCACHE_SESSION_IDLE seconds is not lent" {
    local used
    cached first "$ask" login "$name"
    used=$(now)
    until_clock $((used + 1000))
    vcenter_reset
    zero
    VCACHE_SESSION_IDLE=1 cached second "$ask" login "$name"
    same first second
    origin_was_asked Login
    counted 'miss.no-session 1' 'kept.session-stored 1' 'hit.hit 1'
    vcenter_reset
    cached third "$ask" login "$name"
    same first third
    origin_was_not_asked
}

@test "a login with another locale is another login" {
    plainly bare "$ask" login:de
    cached english "$ask" login:en_US
    vcenter_reset
    cached german "$ask" login:de
    origin_was_asked Login
    same bare german
    grep -q '<locale>de' german.out
    vcenter_reset
    cached again "$ask" login:de
    same german again
    origin_was_not_asked
}

@test "who changes the session's locale is not answered in the old one, nor are others in the new" {
    cached before "$ask" login "$current"
    vcenter_reset
    cached first "$ask" login 'SetLocale:SessionManager:SessionManager:<locale>de</locale>' "$current"
    # In a session of its own.
    [ "$(vcenter_count Login)" -eq 1 ]
    plainly bare "$ask" login 'SetLocale:SessionManager:SessionManager:<locale>de</locale>' "$current"
    same bare first
    plainly bare "$ask" login "$current"
    cached next "$ask" login "$current"
    same bare next
}

@test "who becomes another user does so alone" {
    local become='ImpersonateUser:SessionManager:SessionManager:<userName>reader@vsphere.local</userName><locale>en_US</locale>'
    local steps=(login "$name" "$become" "$current" "$name")
    plainly bare "$ask" "${steps[@]}"
    [ "$(grep -c '<userName>reader@vsphere.local</userName>' bare.out)" -eq 2 ]
    for run in cold warm; do
        cached $run "$ask" "${steps[@]}"
        same bare $run
    done
    # What it reads as another is not looked for, and not kept: two changes, and a read after each.
    [ "$(counter bypass.session)" -eq 4 ]
    [ "$(counter kept.stored)" -eq 1 ]
    plainly bare "$ask" login "$current" "$name"
    cached next "$ask" login "$current" "$name"
    same bare next
    run ! grep -q 'reader@vsphere.local' next.out
}

@test "a cookie whose session has become another user's is that other user's, for whoever has it" {
    local become='ImpersonateUser:SessionManager:SessionManager:<userName>reader@vsphere.local</userName><locale>en_US</locale>'
    plainly login "$ask" login save:cookie
    cached before "$ask" use:cookie "$name"
    vcenter_reset
    cached again "$ask" use:cookie "$name"
    same before again
    origin_was_not_asked
    cached changed "$ask" use:cookie "$become"
    grep -q '^ImpersonateUser 200 ' changed.out
    vcenter_reset
    cached handed "$ask" use:cookie "$name"
    grep -q '>DC0_H0_VM0<' handed.out
    # What the first user was told is not for this one.
    origin_was_asked RetrievePropertiesEx
}

@test "a process that logs in, out, and in again" {
    local steps=(login "$name" logout close use: login "$name" "$view" logout)
    plainly bare "$ask" "${steps[@]}"
    for run in cold warm; do
        cached $run "$ask" "${steps[@]}"
        same bare $run
    done
    [ "$(vcenter_count Login)" -eq 3 ]
}

@test "pyVmomi waits for a task in a session of its own where it was lent one" {
    cached first "$python" "$scripts/inventory.py"
    plainly bare "$python" "$scripts/write.py" DC0_H0_VM1 memory 2048
    vcenter_reset
    cached writer "$python" "$scripts/write.py" DC0_H0_VM1 memory 2048
    same bare writer
    [ "$(vcenter_count Login)" -eq 1 ]
    [ "$(vcenter_count CreateFilter)" -eq 1 ]
}
