#!/usr/bin/env bats
# The tests' vCenter does what the tests rely on. Real programs are tried at the end.

bats_require_minimum_version 1.5.0

setup_file() {
    source "$BATS_TEST_DIRNAME/vcenter.bash"
    vcenter_start "$BATS_FILE_TMPDIR/vcenter" --vms 10
}

teardown_file() {
    source "$BATS_TEST_DIRNAME/vcenter.bash"
    vcenter_stop "$BATS_FILE_TMPDIR/vcenter"
}

setup() {
    source "$BATS_TEST_DIRNAME/vcenter.bash"
    source "$BATS_TEST_DIRNAME/soap.bash"
    vcenter_use "$BATS_FILE_TMPDIR/vcenter"
    for call in '/fail?times=0' /release '/delay?ms=0' '/task-time?ms=0' '/framing?mode=auto' '/gzip?policy=auto' /end-sessions; do
        vcenter_control "$call" >/dev/null
    done
    vcenter_reset
}

teardown() {
    if [ -d "$BATS_TEST_TMPDIR/own" ]; then vcenter_stop "$BATS_TEST_TMPDIR/own"; fi
}

all_vms() { # the specSet of a read of every VM's NAME below the folder group-v3
    echo '<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>' \
        "<objectSet><obj type=\"Folder\">$1</obj><skip>true</skip>" \
        '<selectSet xsi:type="TraversalSpec"><type>Folder</type><path>childEntity</path></selectSet></objectSet></specSet>'
}

vm_folder() {
    soap FindByInventoryPath SearchIndex SearchIndex '<inventoryPath>DC0/vm</inventoryPath>' --cookie "$1" |
        sed -n 's/.*<returnval type="Folder">\([^<]*\)<.*/\1/p'
}

a_vm() {
    soap FindByInventoryPath SearchIndex SearchIndex '<inventoryPath>DC0/vm/DC0_H0_VM0</inventoryPath>' --cookie "$1" |
        sed -n 's/.*<returnval type="VirtualMachine">\([^<]*\)<.*/\1/p'
}

@test "a verifying client gets in by address and by name, another one does not" {
    curl --silent --fail --cacert "$VCENTER_CA" "$(vcenter_url)/sdk/vimServiceVersions.xml" | grep -q '<version>6.5</version>'
    curl --silent --fail --cacert "$VCENTER_CA" --resolve "localhost:$VCENTER_PORT:$VCENTER_HOST" \
        "https://localhost:$VCENTER_PORT/sdk/vimService.wsdl" | grep -q '<definitions'
    run curl --silent "$(vcenter_url)/"
    [ "$status" -eq 60 ]
}

@test "HTTP/2 is not spoken" {
    run curl --silent --cacert "$VCENTER_CA" --http2 --write-out '%{http_version}' --output /dev/null "$(vcenter_url)/"
    [ "$output" = 1.1 ]
}

@test "the cookie comes quoted, with attributes, and only with a login" {
    run soap RetrieveServiceContent ServiceInstance ServiceInstance '' --dump-header - --output /dev/null
    [[ "$output" != *Set-Cookie* ]]
    run soap_login
    [[ "$output" =~ ^vmware_soap_session=\"[0-9a-f]{40}\"\;\ Path=/\;\ HttpOnly\;\ Secure\;$ ]]
}

@test "the cookie is taken whole, quoted, and bare; another is not" {
    local cookie value
    cookie=$(soap_login)
    value=$(cut -d'"' -f2 <<<"$cookie")
    for form in "$cookie" "vmware_soap_session=\"$value\"" "vmware_soap_session=$value"; do
        soap CurrentTime ServiceInstance ServiceInstance '' --cookie "$form" | grep -q CurrentTimeResponse
    done
    run soap CurrentTime ServiceInstance ServiceInstance '' --cookie "vmware_soap_session=${value}0" --write-out '%{http_code}'
    [[ "$output" == *'xsi:type="NotAuthenticated"'*500 ]]
}

@test "the cookie is not the session's key" {
    local cookie value
    cookie=$(soap_login)
    value=$(cut -d'"' -f2 <<<"$cookie")
    run soap_read SessionManager SessionManager currentSession --cookie "$cookie"
    [[ "$output" == *"<userName>$VCENTER_USER</userName>"* ]]
    [[ "$output" != *"$value"* ]]
}

@test "a wrong password and an unknown user are refused, and both users are known" {
    VCENTER_PASSWORD=wrong run soap_login
    [ -z "$output" ]
    VCENTER_USER=nobody run soap_login
    [ -z "$output" ]
    run soap Login SessionManager SessionManager '<userName>x</userName><password>y</password>' --write-out '%{http_code}'
    [[ "$output" == *'<InvalidLoginFault xmlns="urn:vim25" xsi:type="InvalidLogin">'*500 ]]
    VCENTER_USER=reader@vsphere.local VCENTER_PASSWORD=vcache-Secret-2 run soap_login
    [ -n "$output" ]
    [ "$(vcenter_sessions)" -eq 1 ]
}

@test "a machine's file says what its configuration says, to those logged in" {
    local cookie vm file='/folder/DC0_H0_VM0%2FDC0_H0_VM0.vmx?dcPath=DC0&dsName=LocalDS_0'
    cookie=$(soap_login)
    vm=$(a_vm "$cookie")
    [ "$(curl --silent --cacert "$VCENTER_CA" --write-out '%{http_code}' --output /dev/null "$(vcenter_url)$file")" -eq 401 ]
    curl --silent --cacert "$VCENTER_CA" --cookie "$cookie" "$(vcenter_url)$file" | grep -qx 'memSize = "1024"'
    soap ReconfigVM_Task VirtualMachine "$vm" '<spec><memoryMB>2048</memoryMB></spec>' --cookie "$cookie" | grep -q ReconfigVM_TaskResponse
    curl --silent --cacert "$VCENTER_CA" --cookie "$cookie" "$(vcenter_url)$file" | grep -qx 'memSize = "2048"'
}

@test "ended sessions are ended" {
    local cookie
    cookie=$(soap_login)
    [ "$(vcenter_sessions)" -eq 1 ]
    [ "$(vcenter_control /end-sessions)" -eq 1 ]
    [ "$(vcenter_sessions)" -eq 0 ]
    run soap_read Folder group-d1 name --cookie "$cookie"
    [[ "$output" == *NotAuthenticatedFault* ]]
}

@test "one session is ended, or those of one user" {
    local cookie other reader key
    cookie=$(soap_login)
    other=$(soap_login)
    reader=$(VCENTER_USER=reader@vsphere.local VCENTER_PASSWORD=vcache-Secret-2 soap_login)
    key=$(vcenter_session_list | awk -v cookie="$(cut -d'"' -f2 <<<"$cookie")" '$2 == cookie {print $1}')
    [ "$(vcenter_control "/end-sessions?key=$key")" -eq 1 ]
    run soap CurrentTime ServiceInstance ServiceInstance '' --cookie "$cookie"
    [[ "$output" == *NotAuthenticatedFault* ]]
    [ "$(vcenter_control "/end-sessions?user=reader@vsphere.local")" -eq 1 ]
    run soap CurrentTime ServiceInstance ServiceInstance '' --cookie "$reader"
    [[ "$output" == *NotAuthenticatedFault* ]]
    soap CurrentTime ServiceInstance ServiceInstance '' --cookie "$other" | grep -q CurrentTimeResponse
    [ "$(vcenter_sessions)" -eq 1 ]
}

@test "a session ends just before a request is looked at" {
    local cookie i
    cookie=$(soap_login)
    vcenter_control '/fail?end=1&skip=2'
    for i in 1 2; do soap CurrentTime ServiceInstance ServiceInstance '' --cookie "$cookie" | grep -q CurrentTimeResponse; done
    run soap CurrentTime ServiceInstance ServiceInstance '' --cookie "$cookie"
    [[ "$output" == *NotAuthenticatedFault* ]]
    [ "$(vcenter_sessions)" -eq 0 ]
    vcenter_journal | grep -q '"session":"","user":"".*"trouble":"session ended"'
}

@test "sessions and views are listed" {
    local cookie view
    cookie=$(soap_login)
    view=$(soap CreateContainerView ViewManager ViewManager \
        '<container type="Folder">group-d1</container><recursive>true</recursive>' --cookie "$cookie" | grep -o 'session\[[^<]*')
    run vcenter_session_list
    [[ "$output" =~ ^[0-9a-f-]{36}\ $(cut -d'"' -f2 <<<"$cookie")\ $VCENTER_USER\ 1\ 0$ ]]
    [ "$(vcenter_control '/views?list=1')" = "${output%% *} $view" ]
}

@test "a password that was changed" {
    vcenter_control '/password?user=reader@vsphere.local&password=another-Secret'
    VCENTER_USER=reader@vsphere.local VCENTER_PASSWORD=vcache-Secret-2 run soap_login
    [ -z "$output" ]
    VCENTER_USER=reader@vsphere.local VCENTER_PASSWORD=another-Secret run soap_login
    [ -n "$output" ]
    vcenter_control '/password?user=reader@vsphere.local&password=vcache-Secret-2'
}

@test "no more sessions than there may be" {
    vcenter_start "$BATS_TEST_TMPDIR/own" --max-sessions 2
    [ -n "$(soap_login)" ]
    [ -n "$(soap_login)" ]
    run soap Login SessionManager SessionManager \
        "<userName>$VCENTER_USER</userName><password>$VCENTER_PASSWORD</password>" --output /dev/null --write-out '%{http_code}'
    [ "$output" = 503 ]
    vcenter_control /end-sessions
    [ -n "$(soap_login)" ]
}

@test "uneven: each login has a cookie and a key of another length, and all else is as it was" {
    local cookie key view i
    vcenter_start "$BATS_TEST_TMPDIR/own" --uneven
    for i in 1 2 3; do
        cookie=$(soap_login)
        key=$(soap_read SessionManager SessionManager currentSession --cookie "$cookie" | sed -n 's/.*<key>\([^<]*\)<.*/\1/p')
        echo ${#cookie} >>"$BATS_TEST_TMPDIR/cookies"
        echo ${#key} >>"$BATS_TEST_TMPDIR/keys"
        soap SessionIsActive SessionManager SessionManager "<sessionID>$key</sessionID><userName>$VCENTER_USER</userName>" \
            --cookie "$cookie" | grep -q '>true<'
        view=$(soap CreateContainerView ViewManager ViewManager \
            '<container type="Folder">group-d1</container><recursive>true</recursive>' --cookie "$cookie" | grep -o 'session\[[^<]*')
        [[ "$view" == "session[$key]"* ]]
        soap_read ContainerView "$view" view --cookie "$cookie" | grep -q '>vm-'
        vcenter_session_list | grep -q "^$key "
    done
    [ "$(sort -u "$BATS_TEST_TMPDIR/cookies" | wc -l)" -eq 3 ]
    [ "$(sort -u "$BATS_TEST_TMPDIR/keys" | wc -l)" -eq 3 ]
    vcenter_journal | grep -q "\"session\":\"$key\",\"user\":\"$VCENTER_USER\""
}

@test "labels are in the language of the session" {
    local cookie german
    cookie=$(soap_login)
    german=$(soap_login)
    soap SetLocale SessionManager SessionManager '<locale>de</locale>' --cookie "$german" | grep -q SetLocaleResponse
    soap QueryPerfCounter PerformanceManager PerfMgr '<counterId>2</counterId>' --cookie "$german" | grep -q '<label>\[de\] '
    soap QueryPerfCounter PerformanceManager PerfMgr '<counterId>2</counterId>' --cookie "$cookie" | grep -q '<label>[^[]'
}

@test "a collector and a filter are unknown in another session" {
    local cookie other collector filter spec
    cookie=$(soap_login)
    other=$(soap_login)
    spec='<spec><propSet><type>Folder</type><pathSet>name</pathSet></propSet><objectSet><obj type="Folder">group-d1</obj></objectSet></spec><partialUpdates>false</partialUpdates>'
    collector=$(soap CreatePropertyCollector PropertyCollector propertyCollector '' --cookie "$cookie" | grep -o 'session\[[^<]*')
    filter=$(soap CreateFilter PropertyCollector "$collector" "$spec" --cookie "$cookie" | grep -o 'session\[[^<]*')
    [ -n "$filter" ]
    for operation in CheckForUpdates WaitForUpdatesEx CancelWaitForUpdates CreateFilter; do
        run soap $operation PropertyCollector "$collector" "$spec" --cookie "$other"
        [[ "$output" == *ManagedObjectNotFoundFault* ]]
    done
    run soap DestroyPropertyFilter PropertyFilter "$filter" '' --cookie "$other"
    [[ "$output" == *ManagedObjectNotFoundFault* ]]
    # The default one has its own account in each session.
    run soap CheckForUpdates PropertyCollector propertyCollector '' --cookie "$other"
    [[ "$output" == *'<version>1</version></returnval>'* ]]
    soap CheckForUpdates PropertyCollector "$collector" '' --cookie "$cookie" | grep -q '>group-d1<'
    soap DestroyPropertyCollector PropertyCollector "$collector" '' --cookie "$cookie" | grep -q DestroyPropertyCollectorResponse
    run soap CheckForUpdates PropertyCollector "$collector" '' --cookie "$cookie"
    [[ "$output" == *ManagedObjectNotFoundFault* ]]
}

@test "logging out ends the session and its views" {
    local cookie
    cookie=$(soap_login)
    soap CreateContainerView ViewManager ViewManager \
        '<container type="Folder">group-d1</container><recursive>true</recursive>' --cookie "$cookie" | grep -q 'session\['
    [ "$(vcenter_views)" -eq 1 ]
    soap Logout SessionManager SessionManager '' --cookie "$cookie" | grep -q LogoutResponse
    [ "$(vcenter_views)" -eq 0 ]
    [ "$(vcenter_sessions)" -eq 0 ]
}

@test "requests and connections are counted, by operation too" {
    soap_login
    soap_login
    curl --silent --cacert "$VCENTER_CA" --output /dev/null --output /dev/null "$(vcenter_url)/" "$(vcenter_url)/"
    [ "$(vcenter_count)" -eq 4 ]
    [ "$(vcenter_count Login)" -eq 2 ]
    [ "$(vcenter_count 'GET /')" -eq 2 ]
    [ "$(vcenter_connections)" -eq 3 ]
    [ "$(vcenter_operations | tr '\n' ' ')" = "Login Login GET / GET / " ]
    vcenter_reset
    [ "$(vcenter_count)" -eq 0 ]
    [ -z "$(vcenter_journal)" ]
}

@test "an answer is delayed, of one operation or of all" {
    local begun
    # Longer than anything takes on a machine that is busy elsewhere, where it is not to be waited for.
    vcenter_control '/delay?ms=600000&operation=Login'
    soap RetrieveServiceContent ServiceInstance ServiceInstance '' --max-time 300 >/dev/null
    run --separate-stderr soap_login --max-time 0.25
    [ -z "$output" ]
    vcenter_control '/delay?ms=300&operation=Login'
    begun=$(date +%s%3N)
    run soap_login
    [ -n "$output" ]
    [ $(($(date +%s%3N) - begun)) -ge 300 ]
    vcenter_control '/delay?ms=0&operation=Login'
}

@test "an answer is held until it is released" {
    vcenter_control '/hold?operation=Login'
    soap_login >"$BATS_TEST_TMPDIR/cookie" 3>&- &
    vcenter_control '/await?operation=Login&count=1'
    soap RetrieveServiceContent ServiceInstance ServiceInstance >/dev/null
    [ ! -s "$BATS_TEST_TMPDIR/cookie" ]
    vcenter_control /release
    wait $!
    [ -s "$BATS_TEST_TMPDIR/cookie" ]
}

@test "a status on demand comes so many times" {
    vcenter_control '/fail?status=503&times=2&operation=Login'
    for want in 503 503 200; do
        run soap Login SessionManager SessionManager \
            "<userName>$VCENTER_USER</userName><password>$VCENTER_PASSWORD</password>" --output /dev/null --write-out '%{http_code}'
        [ "$output" = $want ]
    done
}

@test "a fault on demand" {
    vcenter_control '/fail?fault=HostNotConnected'
    run soap CurrentTime ServiceInstance ServiceInstance
    [[ "$output" == *'xsi:type="HostNotConnected"'* ]]
}

@test "a connection is reset in the middle of the answer, or before it, or closed too early" {
    vcenter_control '/fail?reset=1'
    run soap RetrieveServiceContent ServiceInstance ServiceInstance
    [ "$status" -eq 56 ] || [ "$status" -eq 18 ]
    vcenter_control '/fail?before=1'
    run soap RetrieveServiceContent ServiceInstance ServiceInstance
    [ "$status" -eq 56 ] || [ "$status" -eq 35 ]
    vcenter_control '/fail?truncate=1'
    run soap RetrieveServiceContent ServiceInstance ServiceInstance
    [ "$status" -eq 18 ] || [ "$status" -eq 56 ]
    [[ "$output" == *'<soapenv:Envelope'* ]]
    [[ "$output" != *'</soapenv:Envelope>'* ]]
    [ "$(grep -c '"trouble":' "$VCENTER_DIR/journal")" -eq 3 ]
}

@test "every framing carries the same bytes" {
    for mode in length chunked close; do
        vcenter_control "/framing?mode=$mode"
        soap RetrieveServiceContent ServiceInstance ServiceInstance '' --dump-header "$BATS_TEST_TMPDIR/head" >"$BATS_TEST_TMPDIR/$mode"
        case $mode in
            length) grep -qi '^Content-Length: [1-9]' "$BATS_TEST_TMPDIR/head" ;;
            chunked) grep -qi '^Transfer-Encoding: chunked' "$BATS_TEST_TMPDIR/head" ;;
            close)
                grep -qi '^Connection: close' "$BATS_TEST_TMPDIR/head"
                run ! grep -qi '^Content-Length\|^Transfer-Encoding' "$BATS_TEST_TMPDIR/head"
                ;;
        esac
        cmp "$BATS_TEST_TMPDIR/length" "$BATS_TEST_TMPDIR/$mode"
    done
}

@test "gzip comes to those who ask, from some size on" {
    soap RetrieveServiceContent ServiceInstance ServiceInstance '' --dump-header - --output /dev/null |
        { run ! grep -qi '^Content-Encoding'; }
    soap RetrieveServiceContent ServiceInstance ServiceInstance '' --compressed --dump-header "$BATS_TEST_TMPDIR/head" |
        grep -q '<instanceUuid>'
    grep -qi '^Content-Encoding: gzip' "$BATS_TEST_TMPDIR/head"
    soap CurrentTime ServiceInstance ServiceInstance '' --compressed --dump-header - --output /dev/null |
        { run ! grep -qi '^Content-Encoding'; }
}

@test "chunked requests and Expect: 100-continue are understood" {
    soap RetrieveServiceContent ServiceInstance ServiceInstance '' --header 'Transfer-Encoding: chunked' | grep -q instanceUuid
    run --separate-stderr soap RetrieveServiceContent ServiceInstance ServiceInstance '' --header 'Expect: 100-continue' --verbose
    # shellcheck disable=SC2154 # run --separate-stderr sets it
    [[ "$stderr" == *'HTTP/1.1 100 Continue'* ]]
    [[ "$output" == *instanceUuid* ]]
}

@test "pages: as many as asked for, each token good once and in its own session" {
    local cookie other folder token
    cookie=$(soap_login)
    other=$(soap_login)
    folder=$(vm_folder "$cookie")
    run soap RetrievePropertiesEx PropertyCollector propertyCollector \
        "$(all_vms "$folder")<options><maxObjects>4</maxObjects></options>" --cookie "$cookie"
    [ "$(grep -o '<objects>' <<<"$output" | wc -l)" -eq 4 ]
    token=$(sed -n 's/.*<token>\(.*\)<\/token>.*/\1/p' <<<"$output")
    run soap ContinueRetrievePropertiesEx PropertyCollector propertyCollector "<token>$token</token>" --cookie "$other"
    [[ "$output" == *InvalidArgumentFault* ]]
    run soap ContinueRetrievePropertiesEx PropertyCollector propertyCollector "<token>$token</token>" --cookie "$cookie"
    [ "$(grep -o '<objects>' <<<"$output" | wc -l)" -eq 4 ]
    run soap ContinueRetrievePropertiesEx PropertyCollector propertyCollector "<token>$token</token>" --cookie "$cookie"
    [[ "$output" == *InvalidArgumentFault* ]]
}

@test "pages: the server's cap, and giving up" {
    local cookie folder token
    vcenter_start "$BATS_TEST_TMPDIR/own" --page 3
    cookie=$(soap_login)
    folder=$(vm_folder "$cookie")
    run soap RetrievePropertiesEx PropertyCollector propertyCollector "$(all_vms "$folder")<options></options>" --cookie "$cookie"
    [ "$(grep -o '<objects>' <<<"$output" | wc -l)" -eq 3 ]
    token=$(sed -n 's/.*<token>\(.*\)<\/token>.*/\1/p' <<<"$output")
    soap CancelRetrievePropertiesEx PropertyCollector propertyCollector "<token>$token</token>" --cookie "$cookie" |
        grep -q '<CancelRetrievePropertiesExResponse xmlns="urn:vim25"></CancelRetrievePropertiesExResponse>'
    run soap ContinueRetrievePropertiesEx PropertyCollector propertyCollector "<token>$token</token>" --cookie "$cookie"
    [[ "$output" == *InvalidArgumentFault* ]]
}

@test "Fetch gives a value, a list, nothing, a fault" {
    local cookie vm
    cookie=$(soap_login)
    vm=$(a_vm "$cookie")
    run soap Fetch VirtualMachine "$vm" '<prop>name</prop>' --cookie "$cookie"
    [[ "$output" == *'<FetchResponse xmlns="urn:vim25"><returnval xsi:type="xsd:string">DC0_H0_VM0</returnval></FetchResponse>'* ]]
    run soap Fetch VirtualMachine "$vm" '<prop>datastore</prop>' --cookie "$cookie"
    [[ "$output" == *'<returnval xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="Datastore" xsi:type="ManagedObjectReference">datastore-1<'* ]]
    run soap Fetch VirtualMachine "$vm" '<prop>snapshot</prop>' --cookie "$cookie"
    [[ "$output" == *'<FetchResponse xmlns="urn:vim25"></FetchResponse>'* ]]
    run soap Fetch VirtualMachine "$vm" '<prop>nonsense</prop>' --cookie "$cookie"
    [[ "$output" == *InvalidPropertyFault* ]]
    run soap Fetch VirtualMachine "$vm" '<prop>name</prop>'
    [[ "$output" == *NotAuthenticatedFault* ]]
    run soap Fetch ServiceInstance ServiceInstance '<prop>content</prop>'
    [[ "$output" == *'<returnval xsi:type="ServiceContent">'* ]]
}

@test "a slow task is running, then done, and takes effect only then" {
    local cookie vm task
    cookie=$(soap_login)
    vm=$(a_vm "$cookie")
    # It ends when it is told to, not while somebody looks at it on a machine that is busy.
    vcenter_control '/task-time?ms=600000'
    task=$(soap PowerOffVM_Task VirtualMachine "$vm" '' --cookie "$cookie" | sed -n 's/.*<returnval type="Task">\([^<]*\)<.*/\1/p')
    soap_read Task "$task" info.state --cookie "$cookie" | grep -q '>running<'
    soap_read VirtualMachine "$vm" runtime.powerState --cookie "$cookie" | grep -q '>poweredOn<'
    # A filter waits for the change, not a sleep.
    soap CreateFilter PropertyCollector propertyCollector "<spec><propSet><type>Task</type><pathSet>info.state</pathSet></propSet><objectSet><obj type=\"Task\">$task</obj></objectSet></spec><partialUpdates>false</partialUpdates>" --cookie "$cookie" >/dev/null
    run soap WaitForUpdatesEx PropertyCollector propertyCollector '<version></version>' --cookie "$cookie"
    local version
    version=$(sed -n 's/.*<version>\([0-9]*\)<.*/\1/p' <<<"$output")
    vcenter_reset
    soap WaitForUpdatesEx PropertyCollector propertyCollector "<version>$version</version>" --cookie "$cookie" \
        >"$BATS_TEST_TMPDIR/answer" 3>&- &
    vcenter_control '/await?operation=WaitForUpdatesEx&count=1'
    [ "$(vcenter_control /end-tasks)" -eq 1 ]
    wait $!
    grep -q '>success<' "$BATS_TEST_TMPDIR/answer"
    soap_read VirtualMachine "$vm" runtime.powerState --cookie "$cookie" | grep -q '>poweredOff<'
    # Or by itself, when its time has come.
    vcenter_control '/task-time?ms=50'
    soap PowerOnVM_Task VirtualMachine "$vm" '' --cookie "$cookie" >/dev/null
    for _ in $(seq 600); do
        if soap_read VirtualMachine "$vm" runtime.powerState --cookie "$cookie" | grep -q '>poweredOn<'; then break; fi
        sleep 0.05
    done
    soap_read VirtualMachine "$vm" runtime.powerState --cookie "$cookie" | grep -q '>poweredOn<'
    [ "$(vcenter_control /end-tasks)" -eq 0 ]
}

@test "waiting for updates ends with the session" {
    local cookie
    cookie=$(soap_login)
    soap WaitForUpdatesEx PropertyCollector propertyCollector '<version></version>' --cookie "$cookie" >/dev/null
    soap WaitForUpdatesEx PropertyCollector propertyCollector '<version>1</version>' --cookie "$cookie" >"$BATS_TEST_TMPDIR/answer" 3>&- &
    vcenter_control '/await?operation=WaitForUpdatesEx&count=2'
    vcenter_control /end-sessions
    wait $!
    grep -q NotAuthenticatedFault "$BATS_TEST_TMPDIR/answer"
}

@test "an early cookie becomes the session's" {
    local cookie
    vcenter_start "$BATS_TEST_TMPDIR/own" --early-cookie
    cookie=$(soap RetrieveServiceContent ServiceInstance ServiceInstance '' --output /dev/null --dump-header - | sed -n 's/^Set-Cookie: \(.*\)\r$/\1/p')
    [ -n "$cookie" ]
    [ "$(vcenter_sessions)" -eq 0 ]
    run soap_login --cookie "$cookie"
    [ -z "$output" ]
    [ "$(vcenter_sessions)" -eq 1 ]
    soap CurrentTime ServiceInstance ServiceInstance '' --cookie "$cookie" | grep -q CurrentTimeResponse
}

@test "idle connections and idle sessions end" {
    local cookie
    vcenter_start "$BATS_TEST_TMPDIR/own" --idle-timeout 50ms --session-idle 100ms
    cookie=$(soap_login)
    for _ in $(seq 100); do
        [ "$(vcenter_sessions)" -eq 0 ] && break
        sleep 0.05
    done
    [ "$(vcenter_sessions)" -eq 0 ]
    run soap CurrentTime ServiceInstance ServiceInstance '' --cookie "$cookie"
    [[ "$output" == *NotAuthenticatedFault* ]]
    # Two requests with a pause between them need two connections. The pause, 2 s, is long for a vCenter, too, that is off
    # the processor for a while.
    vcenter_reset
    curl --silent --cacert "$VCENTER_CA" --rate 30/m --output /dev/null --output /dev/null "$(vcenter_url)/" "$(vcenter_url)/"
    [ "$(vcenter_connections)" -eq 2 ]
}

@test "two starts give the same inventory" {
    local i cookie
    for i in 1 2; do
        vcenter_start "$BATS_TEST_TMPDIR/own" --datacenters 2 --datastores 2 --vms 12
        cookie=$(soap_login)
        soap RetrieveProperties PropertyCollector propertyCollector \
            '<specSet><propSet><type>ManagedEntity</type><all>true</all></propSet><objectSet><obj type="Folder">group-d1</obj>
            <selectSet xsi:type="TraversalSpec"><name>f</name><type>Folder</type><path>childEntity</path><selectSet><name>f</name></selectSet><selectSet><name>v</name></selectSet><selectSet><name>h</name></selectSet><selectSet><name>d</name></selectSet></selectSet>
            <selectSet xsi:type="TraversalSpec"><name>v</name><type>Datacenter</type><path>vmFolder</path><selectSet><name>f</name></selectSet></selectSet>
            <selectSet xsi:type="TraversalSpec"><name>h</name><type>Datacenter</type><path>hostFolder</path><selectSet><name>f</name></selectSet></selectSet>
            <selectSet xsi:type="TraversalSpec"><name>d</name><type>Datacenter</type><path>datastoreFolder</path><selectSet><name>f</name></selectSet></selectSet>
            </objectSet></specSet>' --cookie "$cookie" >"$BATS_TEST_TMPDIR/inventory$i"
        soap RetrieveServiceContent ServiceInstance ServiceInstance >>"$BATS_TEST_TMPDIR/inventory$i"
        vcenter_stop
    done
    [ "$(grep -o '<obj type="VirtualMachine">' "$BATS_TEST_TMPDIR/inventory1" | wc -l)" -eq 12 ]
    [ "$(grep -o '<obj type="Datastore">' "$BATS_TEST_TMPDIR/inventory1" | wc -l)" -eq 4 ]
    cmp "$BATS_TEST_TMPDIR/inventory1" "$BATS_TEST_TMPDIR/inventory2"
    run ! grep -q "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/inventory1"
}

@test "another identity is another vCenter with other names" {
    local cookie uuid
    uuid=$(soap RetrieveServiceContent ServiceInstance ServiceInstance | grep -o '<instanceUuid>[^<]*')
    vcenter_start "$BATS_TEST_TMPDIR/own" --identity second
    [ "$(soap RetrieveServiceContent ServiceInstance ServiceInstance | grep -o '<instanceUuid>[^<]*')" != "$uuid" ]
    cookie=$(soap_login)
    soap FindByInventoryPath SearchIndex SearchIndex '<inventoryPath>DC0/vm/second-DC0_H0_VM0</inventoryPath>' --cookie "$cookie" |
        grep -q '<returnval type="VirtualMachine">'
}

@test "it listens on IPv6, and with a certificate that is given" {
    cp "$VCENTER_DIR"/{ca.pem,server.pem,server.key} "$BATS_TEST_TMPDIR"
    vcenter_start "$BATS_TEST_TMPDIR/own" --listen '[::1]:0' --cert "$BATS_TEST_TMPDIR/server.pem" --key "$BATS_TEST_TMPDIR/server.key"
    curl --silent --fail --cacert "$BATS_TEST_TMPDIR/ca.pem" "$(vcenter_url)/" | grep -q vCenter
}

@test "it ends with its standard input" {
    mkfifo "$BATS_TEST_TMPDIR/stdin" "$BATS_TEST_TMPDIR/stdout"
    "$(_vcenter_program)" --dir "$BATS_TEST_TMPDIR/other" --die-with-stdin <"$BATS_TEST_TMPDIR/stdin" >"$BATS_TEST_TMPDIR/stdout" 3>&- &
    exec 7>"$BATS_TEST_TMPDIR/stdin"
    read -r _ <"$BATS_TEST_TMPDIR/stdout"
    exec 7>&-
    wait $!
    [ ! -e "$BATS_TEST_TMPDIR/other/ready" ]
}

@test "the diary tells what changed, when, and by which request or task" {
    local cookie diary=$BATS_TEST_TMPDIR/own/diary
    vcenter_start "$BATS_TEST_TMPDIR/own" --diary --vms 1
    cookie=$(soap_login)
    [ "$(wc -l <"$diary")" -eq 1 ]
    grep -q '"name":"DC0_H0_VM0","annotation":"","cpus":1,"power":"poweredOn","parent":"folder-3"' "$diary"
    soap FindByInventoryPath SearchIndex SearchIndex '<inventoryPath>DC0/vm</inventoryPath>' --cookie "$cookie" >/dev/null
    soap CreateFolder Folder folder-3 '<name>new</name>' --cookie "$cookie" >/dev/null
    [ "$(wc -l <"$diary")" -eq 2 ]
    tail -n 1 "$diary" | grep -q '"by":"",.*"folder-3":.*{"name":"new","parent":"folder-3","children":\[\]}'
    # A task's change is the task's, not its request's.
    vcenter_control '/task-time?ms=600000' >/dev/null
    printf '%s' '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header>' \
        '<operationID>slow-1</operationID></soapenv:Header><soapenv:Body><Rename_Task xmlns="urn:vim25">' \
        "<_this type=\"VirtualMachine\">$(grep -o -m 1 'vm-[0-9]*' "$diary" | head -n 1)</_this><newName>late</newName>" \
        '</Rename_Task></soapenv:Body></soapenv:Envelope>' |
        curl --silent --cacert "$VCENTER_CA" --header 'Content-Type: text/xml' --cookie "$cookie" --data-binary @- \
            "$(vcenter_url)/sdk" | grep -q '>task-'
    [ "$(wc -l <"$diary")" -eq 2 ]
    vcenter_control /end-tasks
    [ "$(wc -l <"$diary")" -eq 3 ]
    tail -n 1 "$diary" | grep -q '"by":"slow-1","objects":{"vm-[0-9]*":{"name":"late",'
    python3 -c 'import json, sys, time
moments = [m for line in open(sys.argv[1]) for m in map(json.loads(line).get, ("from", "to"))]
assert moments == sorted(moments) and moments[-1] < time.monotonic_ns() < moments[0] + 60e9, moments' "$diary"
}

@test "one that cannot start says so" {
    run -1 vcenter_start "$BATS_TEST_TMPDIR/own" --vms -1
    [[ "$output" == *negative* ]]
}

@test "pyVmomi" {
    /usr/bin/python3 -c 'import pyVmomi' 2>/dev/null || skip "python3-pyvmomi is not installed"
    run /usr/bin/python3 "$BATS_TEST_DIRNAME/client.py"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(vcenter_sessions)" -eq 0 ]
}

@test "rbvmomi" {
    /usr/bin/ruby -e 'require "rbvmomi"' 2>/dev/null || skip "ruby-rbvmomi is not installed"
    run /usr/bin/ruby "$BATS_TEST_DIRNAME/client.rb"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(vcenter_sessions)" -eq 0 ]
}
