# What the tests of sessions share: steps for ask.py, and what is said of the sessions at the origin. Tests that source
# it show keys, cookies and references by numbers (ASK_NAMES): who is told another one than before, shows it.
# shellcheck source-path=SCRIPTDIR disable=SC2034

source "$BATS_TEST_DIRNAME/common.bash"

# ---- steps ---------------------------------------------------------------------------------------

name=read:VirtualMachine:vm-57:name
current=read:SessionManager:SessionManager:currentSession
active='SessionIsActive:SessionManager:SessionManager:<sessionID>{key}</sessionID><userName>administrator@vsphere.local</userName>'
view='CreateContainerView:ViewManager:ViewManager:<container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>'
label='QueryPerfCounter:PerformanceManager:PerfMgr:<counterId>2</counterId>'
german='SetLocale:SessionManager:SessionManager:<locale>de</locale>'
reader='ImpersonateUser:SessionManager:SessionManager:<userName>reader@vsphere.local</userName><locale>en_US</locale>'

# names_of VIEW: the inside of a specification of the names of what is in a view.
names_of() {
    echo "<propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet><obj type=\"ContainerView\">$1</obj>" \
        '<skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet>'
}
in_view="RetrievePropertiesEx:PropertyCollector:propertyCollector:<specSet>$(names_of '{view}')</specSet><options></options>"

# filter_on TYPE ID PATH: a step that makes a filter.
filter_on() {
    echo "CreateFilter:PropertyCollector:propertyCollector:<spec><propSet><type>$1</type><pathSet>$3</pathSet></propSet>" \
        "<objectSet><obj type=\"$1\">$2</obj></objectSet></spec><partialUpdates>false</partialUpdates>"
}
filter=$(filter_on VirtualMachine vm-57 name)
unfilter='DestroyPropertyFilter:PropertyFilter:{filter}'
destroy='DestroyView:ContainerView:{view}'
rename() { echo "Rename_Task:VirtualMachine:$1:<newName>$2</newName>"; }

# made_alike: what the origin numbers anew for each that is made has no number in what was printed.
made_alike() { sed -i 's/\(task\|folder\|group\)-[0-9]*/\1/g' "$BATS_TEST_TMPDIR"/*.out; }

# ---- the origin ----------------------------------------------------------------------------------

forget_sessions() {
    vcenter_control /end-sessions >/dev/null
    vcenter_reset
}

# at_origin OPERATION FIELD: that field of the journal, of each request of that operation.
at_origin() { vcenter_journal | grep "\"operation\":\"$1\"" | sed 's/.*"'"$2"'":"\{0,1\}\([^",]*\).*/\1/'; }

keys() { vcenter_session_list | cut -d' ' -f1; }

# logins N: so many arrived since the last reset.
logins() { [ "$(vcenter_count Login)" -eq "$1" ] || { vcenter_operations && return 1; }; }

# lend [STEP…]: a session is there to be lent, and with it what these steps read; its key is $lent.
lend() {
    cached lender "$ask" login "$name" "$@" key:lent
    went_well lender
    lent=$(cat lent)
    [ "$(vcenter_session_list | cut -d' ' -f1)" = "$lent" ]
    vcenter_reset
    zero
}

# still_lent: the next program is lent that session, and asks the origin nothing.
still_lent() {
    local before
    before=$(vcenter_count)
    keys | grep -qxF "$lent"
    cached next "$ask" login key:next-key
    [ "$(cat next-key)" = "$lent" ] && [ "$(vcenter_count)" -eq "$before" ]
}

# withdrawn KEY: the next program is not lent it, and logs in; the one after it is lent that one's.
withdrawn() {
    local before
    before=$(vcenter_count Login)
    cached next "$ask" login key:next-key
    [ "$(cat next-key)" != "$1" ]
    logins $((before + 1))
    cached after-next "$ask" login key:after-key
    cmp next-key after-key
    logins $((before + 1))
}

# alone NAME COMMAND…: without the shim, and nothing of it is left.
alone() {
    plainly "$@"
    forget_sessions
}
