#!/usr/bin/env bats
# A session is shared while every program in it is stateless. Who does something that lives in its session is alone in
# one, and notices nothing of it; nor do the others.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2154
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/sessions.bash"

setup() {
    begin
    export ASK_NAMES=1
    patience=60
}

# is_alone STEP…: who borrows a session does these steps as without the shim. It logs in once, for itself, and out of
# that; what was lent to it lives on for others.
is_alone() {
    alone bare "$ask" login "$name" "$@" "$active" "$name" logout
    went_well bare
    lend
    cached borrower "$ask" login "$name" "$@" "$active" "$name" logout
    made_alike
    same bare borrower
    logins 1
    [ "$(vcenter_count Logout)" -eq 1 ]
    [ "$(keys)" = "$lent" ]
    still_lent
}

# ---- each of the operations ----------------------------------------------------------------------

@test "CreateFilter, WaitForUpdates, DestroyPropertyFilter" {
    is_alone "$filter" as:filter updates updates:0 "$unfilter"
    # It logged in on its own connection, before the request; all that came after is in that session.
    [ "$(vcenter_operations | head -n 2 | tr '\n' ' ')" = "Login CreateFilter " ]
    [ "$(vcenter_journal | grep -c '"connection"')" -eq "$(vcenter_count)" ]
    [ "$(at_origin Login connection)" = "$(at_origin CreateFilter connection)" ]
    [ "$(at_origin Login session)" = "$(at_origin CreateFilter session)" ]
    [ "$(at_origin Login session)" != "$lent" ]
    [ -z "$(vcenter_journal | grep -F "\"session\":\"$lent\"")" ]
}

@test "WaitForUpdates, WaitForUpdatesEx, CheckForUpdates, CancelWaitForUpdates, without a filter" {
    is_alone WaitForUpdates:PropertyCollector:propertyCollector CheckForUpdates:PropertyCollector:propertyCollector \
        'updates:0' CancelWaitForUpdates:PropertyCollector:propertyCollector
}

@test "CreatePropertyCollector, and a filter in it" {
    is_alone CreatePropertyCollector:PropertyCollector:propertyCollector as:collector \
        "${filter/:propertyCollector:/:\{collector\}:}" as:filter 'CheckForUpdates:PropertyCollector:{collector}' \
        "$unfilter" 'DestroyPropertyCollector:PropertyCollector:{collector}'
    grep -q '^CheckForUpdates 200 .*>DC0_H0_VM0<' bare.out
}

@test "a history collector" {
    # Who logged in is in the newest events; these are the oldest.
    is_alone 'CreateCollectorForEvents:EventManager:EventManager:<filter><eventTypeId>VmCreatedEvent</eventTypeId></filter>' \
        as:collector 'ReadNextEvents:EventHistoryCollector:{collector}:<maxCount>2</maxCount>' \
        'RewindCollector:EventHistoryCollector:{collector}' 'DestroyCollector:EventHistoryCollector:{collector}'
    grep -q '^ReadNextEvents 200 .*VmCreatedEvent' bare.out
}

@test "a collector of tasks, even where the origin knows none" {
    is_alone 'CreateCollectorForTasks:TaskManager:TaskManager:<filter></filter>'
    grep -q '^CreateCollectorForTasks 500 .*MethodNotFound' bare.out
}

@test "CreateListView, ModifyListView, ResetListView" {
    is_alone 'CreateListView:ViewManager:ViewManager:<obj type="VirtualMachine">vm-57</obj>' as:list \
        'ModifyListView:ListView:{list}:<add type="Folder">group-d1</add>' 'read:ListView:{list}:view' \
        'ResetListView:ListView:{list}:<obj type="Folder">group-d1</obj>' 'read:ListView:{list}:view' \
        'DestroyView:ListView:{list}'
}

@test "an HttpNfcLease" {
    local spec='<spec xsi:type="VirtualMachineImportSpec"><configSpec><name>imported</name><guestId>otherGuest</guestId><files><vmPathName>[LocalDS_0]</vmPathName></files></configSpec></spec><folder type="Folder">folder-3</folder>'
    local remove=('FindByInventoryPath:SearchIndex:SearchIndex:<inventoryPath>DC0/vm/imported</inventoryPath>' as:vm
        'Destroy_Task:VirtualMachine:{vm}')
    local import=("ImportVApp:ResourcePool:resgroup-26:$spec" as:lease 'read:HttpNfcLease:{lease}:state'
        'HttpNfcLeaseProgress:HttpNfcLease:{lease}:<percent>50</percent>' 'HttpNfcLeaseComplete:HttpNfcLease:{lease}'
        'read:HttpNfcLease:{lease}:state')
    plainly bare "$ask" login "$name" "${import[@]}" "$active" logout
    plainly removed "$ask" login "${remove[@]}"
    grep -q '^read 200 .*>ready<' bare.out
    forget_sessions
    lend
    cached borrower "$ask" login "$name" "${import[@]}" "$active" logout
    plainly removed "$ask" login "${remove[@]}" logout
    same bare borrower
    [ "$(at_origin ImportVApp session)" != "$lent" ]
    [ "$(keys)" = "$lent" ]
}

@test "SetLocale" {
    is_alone "$label" "$german" "$label" "$current"
    [ "$(grep -c '<label>\[de\] ' bare.out)" -eq 1 ]
    grep -q '<locale>de' bare.out
}

@test "ImpersonateUser" {
    alone bare "$ask" login "$name" "$reader" "$current" "$name" logout
    lend
    cached borrower "$ask" login "$name" "$reader" "$current" "$name" logout
    same bare borrower
    logins 1
    [ "$(keys)" = "$lent" ]
    still_lent
}

@test "TerminateSession of one's own session is refused in the same way" {
    is_alone 'TerminateSession:SessionManager:SessionManager:<sessionId>{key}</sessionId>'
    grep -q '^TerminateSession 500 .*InvalidArgument' bare.out
}

# ---- one session for a program -------------------------------------------------------------------

@test "who is alone is so from then on: one login, whatever else it asks" {
    is_alone "$filter" "$(filter_on VirtualMachine vm-60 name)" updates "$german" "$label" "$current" \
        CreatePropertyCollector:PropertyCollector:propertyCollector "$(rename vm-60 again)" "$(rename vm-60 DC0_H0_VM1)" updates:0
}

@test "until then it is not: what it asks before goes to the session that was lent" {
    lend
    cached borrower "$ask" login "$active" "$filter" "$active" logout
    went_well borrower
    [ "$(at_origin SessionIsActive session | head -n 1)" = "$lent" ]
    [ "$(at_origin SessionIsActive session | tail -n 1)" = "$(at_origin CreateFilter session)" ]
    [ "$(at_origin CreateFilter session)" != "$lent" ]
}

@test "who asks nothing of the kind does not log in, live though it be" {
    lend
    cached borrower "$ask" login "$active" "$view" as:view "$in_view" "$(rename vm-60 again)" "$(rename vm-60 DC0_H0_VM1)" logout
    logins 0
    [ "$(keys)" = "$lent" ]
}

@test "no login for it: it goes on in the session that it was lent, to the end, and nobody else is lent that" {
    local steps=(login "$name" "$filter" as:filter updates "$(filter_on VirtualMachine vm-60 name)" updates "$unfilter" "$active" logout)
    alone bare "$ask" "${steps[@]}"
    lend
    vcenter_control '/fail?status=503&operation=Login' >/dev/null
    cached borrower "$ask" "${steps[@]}"
    same bare borrower
    logins 1
    [ "$(at_origin WaitForUpdatesEx session | sort -u)" = "$lent" ]
    withdrawn "$lent"
}

@test "it logs in with the locale that it asked for" {
    alone bare "$ask" login:de "$filter" "$current" "$label" logout
    cached lender "$ask" login:de "$name"
    vcenter_reset
    cached borrower "$ask" login:de "$filter" "$current" "$label" logout
    same bare borrower
    logins 1
    grep -q '<locale>de' borrower.out
}

@test "a view that it was lent is made anew in its session, and keeps its name" {
    local steps=(login "$view" as:view "$in_view" "$filter" "$in_view" 'read:ContainerView:{view}:view'
        'DestroyView:ContainerView:{view}' logout)
    alone bare "$ask" "${steps[@]}"
    lend "$view"
    cached borrower "$ask" "${steps[@]}"
    same bare borrower
    logins 1
    [ "$(keys)" = "$lent" ]
    # The one that is lent is still there.
    [ "$(vcenter_views)" -eq 1 ]
    cached third "$ask" login "$view" as:view "$in_view"
    grep -q '>DC0_H0_VM4<' third.out
    [ "$(vcenter_views)" -eq 1 ]
}

@test "a view that it was lent, first named where it needs a session of its own" {
    local steps=(login "$view" as:view
        "CreateFilter:PropertyCollector:propertyCollector:<spec>$(names_of '{view}')</spec><partialUpdates>false</partialUpdates>"
        as:filter updates "$unfilter" 'DestroyView:ContainerView:{view}' logout)
    alone bare "$ask" "${steps[@]}"
    grep -q '^updates 200 .*>DC0_C0_RP0_VM4<' bare.out
    lend "$view"
    cached borrower "$ask" "${steps[@]}"
    same bare borrower
    [ "$(vcenter_operations | head -n 3 | sort | tr '\n' ' ')" = "CreateContainerView CreateFilter Login " ]
    [ "$(vcenter_views)" -eq 1 ]
}

@test "several views that it was lent keep their names apart" {
    local hosts=${view/VirtualMachine/HostSystem}
    local steps=(login "$view" as:view "$hosts" as:hosts "$filter" 'read:ContainerView:{hosts}:view,type'
        'read:ContainerView:{view}:view,type' 'DestroyView:ContainerView:{hosts}' 'read:ContainerView:{view}:view' logout)
    alone bare "$ask" "${steps[@]}"
    lend "$view" "$hosts"
    cached borrower "$ask" "${steps[@]}"
    same bare borrower
    [ "$(vcenter_views)" -eq 2 ]
}

@test "its logout is a real one, and who asks on is refused" {
    local steps=(login "$filter" logout "$name" "$active" logout)
    alone bare "$ask" "${steps[@]}"
    lend
    cached borrower "$ask" "${steps[@]}"
    same bare borrower
    [ "$(keys)" = "$lent" ]
    still_lent
}

@test "so is that of who opened the session, though nothing is left in it" {
    local steps=(login "$filter" as:filter "$unfilter" logout "$name" "$active" logout)
    alone bare "$ask" "${steps[@]}"
    cached owner "$ask" "${steps[@]}"
    same bare owner
    logins 1
    [ "$(vcenter_sessions)" -eq 0 ]
}

@test "a logout that was lost on its way: who asks on is answered" {
    local run steps=(login "$filter" logout "$name" "$active" logout "$name")
    for run in plainly cached; do
        forget_sessions
        if [ $run = cached ]; then lend; fi
        vcenter_control '/fail?before=1&operation=Logout' >/dev/null
        $run "$run" "$ask" "${steps[@]}"
    done
    grep -q '^SessionIsActive 200 .*true' plainly.out
    same plainly cached
}

@test "a program that never logs out leaves its session behind, as without the shim" {
    lend
    cached borrower "$ask" login "$filter"
    [ "$(vcenter_sessions)" -eq 2 ]
    still_lent
}

@test "what it wrote, others read; what it waited for, too" {
    local change=(login "$filter" updates "$(rename vm-57 changed-alone)" "updates:20" "$name")
    lend
    cached borrower "$ask" "${change[@]}"
    grep -q '^updates 200 .*>changed-alone<' borrower.out
    grep -q '^read 200 .*>changed-alone<' borrower.out
    cached next "$ask" login "$name"
    plainly restored "$ask" login "$(rename vm-57 DC0_H0_VM0)"
    grep -q '^read 200 .*>changed-alone<' next.out
}

# ---- who opened a session ------------------------------------------------------------------------

@test "who opened the session it works in need not log in again; it is lent no more" {
    alone bare "$ask" login "$filter" updates "$active" logout
    cached owner "$ask" login key:key "$filter" updates "$active" logout
    same bare owner
    logins 1
    [ "$(vcenter_count Logout)" -eq 1 ]
    [ "$(vcenter_sessions)" -eq 0 ]
    withdrawn "$(cat key)"
}

@test "who opened it and is still in it does not meet the next one there" {
    mkfifo go
    cached owner "$ask" login key:key "$filter" as:filter updates say:made wait:go updates:0 "$unfilter" logout &
    until_said owner 4
    cached next "$ask" login key:next-key "$filter" updates "$(rename vm-57 met)" "$(rename vm-57 DC0_H0_VM0)" logout
    : >go
    wait
    logins 2
    run ! cmp key next-key
    [ "$(vcenter_sessions)" -eq 0 ]
    [ "$(grep -c ' 200 ' owner.out)" -eq 6 ]
}

@test "who opened it and lent it, and then logs out of it: who borrowed it goes on" {
    local steps=(login key:key "$name" say:there wait:go "$active" "$view" as:view "$in_view" "$current" logout)
    mkfifo go filtered
    plainly bare "$ask" "${steps[@]/wait:go/say:goes}"
    forget_sessions
    cached owner "$ask" login "$name" say:there wait:filtered "$filter" logout &
    until_said owner 3
    cached borrower "$ask" "${steps[@]}" &
    until_said borrower 3
    : >filtered
    vcenter_control '/await?operation=Logout&count=1&seconds=60'
    : >go
    wait
    sed -i '/^goes$/d' bare.out
    same bare borrower
    [ "$(cat owner.status)" -eq 0 ]
}

@test "who opened it and lent it, and then works in a session: what who borrowed it has begun goes on" {
    local steps=(login key:key names:3 say:there wait:go rest "$active" logout)
    mkfifo go filtered
    plainly bare "$ask" "${steps[@]/wait:go/say:goes}"
    sed -i '/^goes$/d' bare.out
    forget_sessions
    export VCACHE_TTL=0
    cached owner "$ask" login key:lent say:there wait:filtered "$filter" as:filter "$unfilter" logout say:gone &
    until_said owner 2
    cached borrower "$ask" "${steps[@]}" &
    until_said borrower 3
    : >filtered
    until_said owner 6
    : >go
    wait
    same bare borrower
    cmp lent key
    grep -q '^logout 200 ' owner.out
    logins 2
    lent=$(cat lent)
    [ "$(keys)" = "$lent" ]
    still_lent
}

@test "who opened it, and changes its language: for itself alone, and it is lent on" {
    alone bare "$ask" login "$german" "$current" "$label" logout
    cached owner "$ask" login key:lent "$german" "$current" "$label" logout
    same bare owner
    logins 2
    lent=$(cat lent)
    [ "$(keys)" = "$lent" ]
    cached english "$ask" login "$current" "$label"
    plainly bare "$ask" login "$current" "$label"
    same bare english
}

# ---- nothing of it for others --------------------------------------------------------------------

@test "SetLocale and ImpersonateUser in one program change nothing for another" {
    local change steps=(login "$name" "$current" "$label" say:half wait:go "$current" "$label" "$name" "$active" "$current")
    mkfifo go
    plainly bare "$ask" "${steps[@]/wait:go/say:goes}"
    sed -i '/^goes$/d' bare.out
    forget_sessions
    for change in "$german" "$reader" "$german|$reader"; do
        export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-${#change} VCACHE_TTL=0
        lend
        rm -f other.out
        cached other "$ask" "${steps[@]}" &
        until_said other 5
        IFS='|' read -r -a changes <<<"$change"
        cached changer "$ask" login "${changes[@]}" "$current" "$label" "$name" "$active"
        grep -q ' 200 .*\(<locale>de\|reader@vsphere\)' changer.out
        : >go
        wait
        same bare other
        # Nor do they for who comes later, from the store or from the origin.
        VCACHE_TTL=600 cached later "$ask" "${steps[@]/wait:go/say:goes}"
        sed -i '/^goes$/d' later.out
        same bare later
        # Those were in the lent session, as the user who logged in.
        [ "$(at_origin Login session | wc -l)" -eq 1 ]
        vcenter_journal | grep -F "\"session\":\"$lent\"" | grep -vq '"user":"administrator@vsphere.local"' && return 1
        forget_sessions
    done
}

@test "and others' answers are not for the one who did" {
    local step
    for step in "$german" "$reader"; do
        alone bare "$ask" login "$step" "$current" "$label" "$name"
        lend "$current" "$label"
        cached changer "$ask" login "$step" "$current" "$label" "$name"
        same bare changer
        forget_sessions
        rm -rf "$VCACHE_DIR"
    done
}

