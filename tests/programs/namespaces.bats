#!/usr/bin/env bats
# Nobody is answered with somebody else's data: what is stored belongs to one endpoint, one certificate and the way it
# was verified, and one login.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    # A program has been here: its answers and its session are in the cache.
    cached first "$python" "$scripts/inventory.py"
    went_well first
    [ "$(vcenter_sessions)" -eq 1 ]
    zero
    vcenter_reset
}

# asked_as_a_stranger NAME: the run logged in and read for itself.
asked_as_a_stranger() {
    went_well "$1"
    [ "$(vcenter_count Login)" -eq 1 ]
    [ "$(vcenter_count RetrievePropertiesEx)" -eq 2 ]
    [ "$(vcenter_count CreateContainerView)" -eq 2 ]
    [ "$(counter hit.session-lent)" -eq 0 ]
    [ "$(counter hit.view-lent)" -eq 0 ]
}

@test "the one who was here is answered" {
    cached again "$python" "$scripts/inventory.py"
    same first again
    origin_was_not_asked
}

@test "a wrong password is refused, as it would be" {
    export VCENTER_PASSWORD=wrong
    plainly bare "$python" "$scripts/inventory.py"
    [ "$status" -ne 0 ]
    grep -q InvalidLogin bare.err
    vcenter_reset
    cached wrong "$python" "$scripts/inventory.py"
    same bare wrong
    [ "$(vcenter_count Login)" -eq 1 ]
    cached wrong "$python" "$scripts/inventory.py"
    same bare wrong
    [ "$(vcenter_count Login)" -eq 2 ]
}

@test "a wrong password does not shut out the right one" {
    VCENTER_PASSWORD=wrong cached wrong "$python" "$scripts/inventory.py"
    [ "$status" -ne 0 ]
    vcenter_reset
    cached again "$python" "$scripts/inventory.py"
    same first again
    origin_was_not_asked
}

@test "a password that the right one begins with, or that begins with it, is wrong" {
    local password
    for password in "${VCENTER_PASSWORD%?}" "${VCENTER_PASSWORD}x" "${VCENTER_PASSWORD^^}" " $VCENTER_PASSWORD"; do
        vcenter_reset
        VCENTER_PASSWORD=$password cached wrong "$python" "$scripts/find.py" DC0/vm/DC0_H0_VM0
        [ "$status" -ne 0 ]
        grep -q InvalidLogin wrong.err
        [ "$(vcenter_count Login)" -eq 1 ]
    done
}

@test "another user logs in and asks for himself" {
    export VCENTER_USER=reader@vsphere.local VCENTER_PASSWORD=vcache-Secret-2
    cached reader "$python" "$scripts/inventory.py"
    same first reader
    asked_as_a_stranger reader
    [ "$(vcenter_sessions)" -eq 2 ]
    vcenter_reset
    cached again "$python" "$scripts/inventory.py"
    same reader again
    origin_was_not_asked
}

@test "another user with the first one's password is refused" {
    VCENTER_USER=reader@vsphere.local cached wrong "$python" "$scripts/inventory.py"
    [ "$status" -ne 0 ]
    grep -q InvalidLogin wrong.err
    [ "$(vcenter_count Login)" -eq 1 ]
}

@test "another vCenter is asked for itself, each time one goes from one to the other" {
    another_vcenter second --vms 10 --identity second
    cached second "$python" "$scripts/inventory.py"
    asked_as_a_stranger second
    said second | grep -q '^second-DC0_H0_VM0 '
    said second | grep -cv '^second-' | grep -qx 0
    use_vcenter "$BATS_FILE_TMPDIR/vcenter"
    vcenter_reset
    cached again "$python" "$scripts/inventory.py"
    same first again
    origin_was_not_asked
}

@test "the same vCenter under another name is another endpoint" {
    export VCENTER_HOST=localhost
    cached renamed "$python" "$scripts/inventory.py"
    same first renamed
    asked_as_a_stranger renamed
    vcenter_reset
    VCENTER_HOST=LOCALHOST cached capitals "$python" "$scripts/inventory.py"
    same first capitals
    origin_was_not_asked
}

@test "who did not verify the certificate is not given what was asked of a verified peer" {
    VCENTER_INSECURE=1 cached unverified "$python" "$scripts/inventory.py"
    same first unverified
    asked_as_a_stranger unverified
}

@test "who verifies the certificate is not given what was asked of an unverified peer" {
    export VCACHE_DIR=$BATS_TEST_TMPDIR/other-cache
    VCENTER_INSECURE=1 cached unverified "$python" "$scripts/inventory.py"
    went_well unverified
    zero
    vcenter_reset
    cached verified "$python" "$scripts/inventory.py"
    same first verified
    asked_as_a_stranger verified
}

@test "another certificate on the same address is another peer" {
    local port
    another_vcenter own --vms 10
    port=$VCENTER_PORT
    for insecure in '' 1; do
        export VCENTER_INSECURE=$insecure
        vcenter_reset
        cached before "$python" "$scripts/inventory.py"
        went_well before
        vcenter_reset
        cached again "$python" "$scripts/inventory.py"
        origin_was_not_asked
        # Every start makes new certificates; the inventory is the same.
        vcenter_stop
        another_vcenter own --vms 10 --listen "127.0.0.1:$port"
        zero
        # Who does not verify and need not connect would not meet it (deferred.bats).
        VCACHE_CONNECT=eager cached after "$python" "$scripts/inventory.py"
        same before after
        asked_as_a_stranger after
    done
}

@test "a peer that does not verify is refused, as it would be" {
    cp "$VCENTER_CA" ca.pem
    another_vcenter own
    VCENTER_CA=$BATS_TEST_TMPDIR/ca.pem plainly bare "$python" "$scripts/inventory.py"
    [ "$status" -ne 0 ]
    VCENTER_CA=$BATS_TEST_TMPDIR/ca.pem cached refused "$python" "$scripts/inventory.py"
    same bare refused
    grep -q CERTIFICATE_VERIFY_FAILED refused.err
    origin_was_not_asked
}

@test "who is not logged in is told so, though the answer is known" {
    local read=read:VirtualMachine:vm-57:name
    cached known "$ask" login "$read"
    said known | grep -q DC0_H0_VM0
    plainly bare "$ask" "$read" CurrentTime:ServiceInstance:ServiceInstance
    grep -q '^read 500 .*NotAuthenticated' bare.out
    cached stranger "$ask" "$read" CurrentTime:ServiceInstance:ServiceInstance
    same bare stranger
}

@test "who has logged out is told so, in the same process" {
    local steps=(login read:VirtualMachine:vm-57:name logout read:VirtualMachine:vm-57:name
        CurrentTime:ServiceInstance:ServiceInstance login read:VirtualMachine:vm-57:name)
    plainly bare "$ask" "${steps[@]:0:5}" close use: "${steps[@]:5}"
    [ "$(grep -c ' 200 ' bare.out)" -eq 5 ]
    [ "$(grep -c ' 500 .*NotAuthenticated' bare.out)" -eq 2 ]
    for name in cold warm; do
        cached $name "$ask" "${steps[@]:0:5}" close use: "${steps[@]:5}"
        same bare $name
    done
}

@test "what is asked without a login belongs to its vCenter and its certificate all the same" {
    local steps=(RetrieveServiceContent:ServiceInstance:ServiceInstance get:/sdk/vimServiceVersions.xml)
    local asked=(RetrieveServiceContent 'GET /sdk/vimServiceVersions.xml')
    cached here "$ask" "${steps[@]}"
    vcenter_reset
    cached here "$ask" "${steps[@]}"
    origin_was_not_asked
    VCENTER_HOST=localhost cached renamed "$ask" "${steps[@]}"
    origin_was_asked "${asked[@]}"
    vcenter_reset
    VCENTER_INSECURE=1 cached unverified "$ask" "${steps[@]}"
    origin_was_asked "${asked[@]}"
    another_vcenter second --identity second --api-version 7.0.3.0
    cached second "$ask" "${steps[@]}"
    origin_was_asked "${asked[@]}"
    plainly bare "$ask" "${steps[@]}"
    same bare second
    # The same address, and another certificate.
    local port=$VCENTER_PORT
    vcenter_stop
    another_vcenter third --listen "127.0.0.1:$port"
    cached third "$ask" "${steps[@]}"
    origin_was_asked "${asked[@]}"
    plainly bare "$ask" "${steps[@]}"
    same bare third
}

@test "an invented cookie is nobody's" {
    local read=read:VirtualMachine:vm-57:name
    cached known "$ask" login "$read"
    printf %s 'vmware_soap_session="0123456789abcdef0123456789abcdef01234567"; Path=/; HttpOnly; Secure;' >cookie
    plainly bare "$ask" use:cookie "$read"
    grep -q NotAuthenticated bare.out
    cached invented "$ask" use:cookie "$read"
    same bare invented
}

@test "a cookie that is handed on is the session of its login" {
    local read=read:VirtualMachine:vm-57:name
    cached known "$ask" login "$read" save:cookie
    tail -n 1 known.out >known-read
    vcenter_reset
    cached handed "$ask" use:cookie "$read"
    diff known-read handed.out
    origin_was_not_asked
    # One character of it changed: nobody's.
    sed 's/="\(.\)/="x/' cookie >other
    cached changed "$ask" use:other "$read"
    grep -q NotAuthenticated changed.out
}

@test "the version of the API that is asked for is part of the question" {
    local get='FindByInventoryPath:SearchIndex:SearchIndex:<inventoryPath>DC0/vm</inventoryPath>'
    cached known "$ask" login "$get"
    vcenter_reset
    ASK_HEADERS='SOAPAction: urn:vim25/6.5' cached unquoted "$ask" login "$get"
    same known unquoted
    origin_was_not_asked
    ASK_HEADERS='SOAPAction: urn:vim25/5.5' cached older "$ask" login "$get"
    same known older
    origin_was_asked FindByInventoryPath
}
