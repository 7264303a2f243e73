#!/usr/bin/env bats
# What must not be repeated is not: failures, fragments, and what is true for a moment only.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    name=read:VirtualMachine:vm-57:name
}

# is_asked_each_time REASON STEP…: both runs ask vCenter every step, and the counters say why.
is_asked_each_time() {
    local reason=$1 count
    shift
    cached first "$ask" login "$@"
    vcenter_reset
    zero
    cached second "$ask" login "$@"
    count=$(vcenter_count)
    echo "$count of $# were asked"
    counters
    [ "$count" -eq $# ]
    [ "$(counter "$reason")" -eq $# ]
    [ "$(counter kept.stored)" -eq 0 ]
}

@test "what may be stored is, by the same means" {
    cached first "$ask" login "$name" read:VirtualMachine:vm-57:runtime
    vcenter_reset
    cached second "$ask" login "$name" read:VirtualMachine:vm-57:runtime
    same first second
    origin_was_not_asked
}

@test "faults" {
    local nonsense='Fetch:VirtualMachine:vm-57:<prop>nonsense</prop>'
    plainly bare "$ask" login read:VirtualMachine:vm-9999:name "$nonsense"
    is_asked_each_time kept.not-status read:VirtualMachine:vm-9999:name "$nonsense"
    [ "$(grep -c ' 500 .*Fault' second.out)" -eq 2 ]
    same bare second
}

@test "answers with another status" {
    vcenter_control '/fail?status=503&times=2&operation=RetrievePropertiesEx' >/dev/null
    plainly bare "$ask" login "$name"
    cached broken "$ask" login "$name"
    same bare broken
    grep -q '^read 503' broken.out
    vcenter_reset
    cached whole "$ask" login "$name"
    grep -q '>DC0_H0_VM0<' whole.out
    origin_was_asked RetrievePropertiesEx
}

@test "answers that break off" {
    local how framing name=read:VirtualMachine:vm-57:config
    for framing in length chunked close; do
        for how in reset truncate; do
            export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-$framing-$how
            vcenter_control "/framing?mode=$framing" >/dev/null
            vcenter_control "/fail?$how=1&times=2&operation=RetrievePropertiesEx" >/dev/null
            plainly bare "$ask" login "$name"
            cached broken "$ask" login "$name"
            # Where half an answer ends, and so what is made of it, is a matter of the network in all but one case.
            [ $how-$framing = truncate-length ] && same bare broken
            vcenter_reset
            cached whole "$ask" login "$name"
            grep -q '^read 200 .*<uuid>.*</RetrievePropertiesExResponse>$' whole.out
            origin_was_asked RetrievePropertiesEx
        done
    done
}

@test "a body that says it is whole and is not XML to its end" {
    # Half a close-delimited answer with a clean end of TLS is whole as far as HTTP can tell.
    vcenter_control '/framing?mode=close' >/dev/null
    vcenter_control '/fail?truncate=1&operation=RetrieveServiceContent' >/dev/null
    cached half "$ask" RetrieveServiceContent:ServiceInstance:ServiceInstance
    vcenter_reset
    cached whole "$ask" RetrieveServiceContent:ServiceInstance:ServiceInstance
    grep -q '</RetrieveServiceContentResponse>' whole.out
    origin_was_asked RetrieveServiceContent
    [ "$(counter miss.absent)" -eq 2 ]
    [ "$(counter kept.stored)" -eq 1 ]
}

@test "a first page alone" {
    is_asked_each_time kept.recorded names:4
    grep -q '<token>' second.out
    # Whole, they are stored.
    cached whole "$ask" login names:40
    vcenter_reset
    cached again "$ask" login names:40
    same whole again
    origin_was_not_asked
}

@test "property reads that found nothing" {
    # oslo.vmware takes them for the end of its session.
    is_asked_each_time kept.not-empty 'RetrievePropertiesEx:PropertyCollector:propertyCollector:<specSet><propSet>
        <type>HostSystem</type><pathSet>name</pathSet></propSet><objectSet><obj type="Folder">folder-3</obj>
        <skip>true</skip></objectSet></specSet><options></options>'
    grep -q '^RetrievePropertiesEx 200 <RetrievePropertiesExResponse xmlns="urn:vim25"></RetrievePropertiesExResponse>$' second.out
}

@test "answers that set a cookie" {
    another_vcenter own --vms 10 --early-cookie
    plainly bare "$python" "$scripts/inventory.py"
    for name in cold warm; do
        vcenter_reset
        zero
        cached $name "$python" "$scripts/inventory.py"
        same bare $name
        [ "$(vcenter_count RetrieveServiceContent)" -gt 0 ]
        [ "$(counter kept.not-cookie)" -gt 0 ]
    done
}

@test "clocks, and whether a session is alive" {
    is_asked_each_time bypass.live CurrentTime:ServiceInstance:ServiceInstance \
        read:ServiceInstance:ServiceInstance:serverClock
    grep -q '^CurrentTime 200 ' second.out
    run ! cmp first.out second.out
}

@test "sessions other than one's own" {
    is_asked_each_time bypass.live read:SessionManager:SessionManager:sessionList \
        read:SessionManager:SessionManager:currentSession,sessionList
}

@test "tasks and events" {
    local task=Rename_Task:VirtualMachine:vm-57:'<newName>DC0_H0_VM0</newName>'
    plainly task "$ask" login "$task"
    task=$(sed -n 's/.*<returnval type="Task">\([^<]*\)<.*/\1/p' task.out)
    [ -n "$task" ]
    is_asked_each_time bypass.live "read:Task:$task:info" "read:Task:$task:info.state" \
        read:TaskManager:TaskManager:recentTask read:VirtualMachine:vm-57:recentTask \
        read:VirtualMachine:vm-57:name,recentTask read:EventManager:EventManager:latestEvent \
        "Fetch:Task:$task:<prop>info</prop>" 'Fetch:VirtualMachine:vm-57:<prop>recentTask</prop>'
    [ "$(grep -c ' 200 ' second.out)" -eq 9 ]
}

@test "questions that a VM asks" {
    is_asked_each_time bypass.live read:VirtualMachine:vm-57:runtime.question \
        read:VirtualMachine:vm-57:name,runtime.question
}

@test "guests' credentials, logs and the like" {
    plainly bare "$ask" login 'QueryDateTime:HostDateTimeSystem:dateTimeSystem' \
        'ListProcessesInGuest:GuestProcessManager:guestOperationsProcessManager:<vm type="VirtualMachine">vm-57</vm><auth xsi:type="NamePasswordAuthentication"><interactiveSession>false</interactiveSession><username>guest</username><password>guest-Secret-3</password></auth>'
    cached first "$ask" login 'QueryDateTime:HostDateTimeSystem:dateTimeSystem' \
        'ListProcessesInGuest:GuestProcessManager:guestOperationsProcessManager:<vm type="VirtualMachine">vm-57</vm><auth xsi:type="NamePasswordAuthentication"><interactiveSession>false</interactiveSession><username>guest</username><password>guest-Secret-3</password></auth>'
    same bare first
    [ "$(counter bypass.live)" -eq 2 ]
}
