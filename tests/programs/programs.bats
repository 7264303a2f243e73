#!/usr/bin/env bats
# Real programs, unchanged: what they print is the same without the shim, with a cold cache and with a warm one; and a
# warm run asks vCenter nothing.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

# asks_nothing_when_warm COMMAND…: three runs, compared; leaves the counters of the warm one.
asks_nothing_when_warm() {
    local bare
    plainly bare "$@"
    went_well bare
    bare=$(vcenter_count)
    [ "$bare" -gt 0 ]

    vcenter_reset
    cached cold "$@"
    same bare cold
    [ "$(vcenter_count)" -gt 0 ]
    [ "$(vcenter_count)" -le "$bare" ]

    vcenter_reset
    zero
    cached warm "$@"
    same bare warm
    origin_was_not_asked
    only_hits "$bare"
}

# only_hits N: N requests were made, and every one was answered here.
only_hits() {
    counters
    [ "$(counter requests)" -eq "$1" ]
    [ "$(counter hits)" -eq "$1" ]
    counters | { ! grep -v '^hit\.'; }
}

# lists_all_vms NAME: its output speaks of every VM of this vCenter.
lists_all_vms() {
    local vm
    for vm in DC0_H0_VM{0..4} DC0_C0_RP0_VM{0..4}; do
        said "$1" | grep -q "\\b$vm\\b" || return
    done
}

php_has() { php -r "exit(extension_loaded('$1') ? 0 : 1);" 2>/dev/null; }

@test "pyVmomi: an inventory by a container view" {
    asks_nothing_when_warm "$python" "$scripts/inventory.py"
    lists_all_vms bare
    counted 'hit.hit 6' 'hit.logout-kept 1' 'hit.session-lent 1' 'hit.view-kept 2' 'hit.view-lent 2'
}

@test "pyVmomi: the whole tree, each property when it is looked at" {
    asks_nothing_when_warm "$python" "$scripts/walk.py"
    lists_all_vms bare
    [ "$(counter requests)" -gt 60 ]
}

@test "pyVmomi: by path and by UUID" {
    asks_nothing_when_warm "$python" "$scripts/find.py" DC0/vm/DC0_H0_VM0 DC0/vm/DC0_C0_RP0_VM3
    said bare | grep -q '^DC0/vm/DC0_H0_VM0: vm-[0-9]* DC0_H0_VM0 .* True$'
}

@test "pyVmomi: performance counters and samples" {
    asks_nothing_when_warm "$python" "$scripts/counters.py"
    said bare | grep -q '^[0-9]* cpu\.usage\.'
}

@test "pyVmomi: without a look at the certificate" {
    VCENTER_INSECURE=1 asks_nothing_when_warm "$python" "$scripts/inventory.py"
    lists_all_vms bare
}

@test "pyVmomi under every other Python in the path" {
    local executable tried=0
    for executable in $(other_pythons); do
        for PYTHONPATH in '' /usr/lib/python3/dist-packages; do
            export PYTHONPATH
            "$executable" -W ignore -c 'import pyVmomi' 2>/dev/null || continue
            echo "# $executable" >&3
            export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-$tried
            vcenter_reset
            asks_nothing_when_warm "$executable" -W ignore "$scripts/inventory.py"
            lists_all_vms bare
            tried=$((tried + 1))
            break
        done
    done
    [ "$tried" -gt 0 ] || skip "no other Python here has pyVmomi"
}

# A process and a login for each task.
@test "Ansible's modules for vSphere" {
    local module modules=(vmware_vm_info vmware_about_info vmware_datacenter_info)
    export VMWARE_HOST=$VCENTER_HOST VMWARE_PORT=$VCENTER_PORT VMWARE_USER=$VCENTER_USER VMWARE_PASSWORD=$VCENTER_PASSWORD \
        VMWARE_VALIDATE_CERTS=no ANSIBLE_NOCOLOR=1 ANSIBLE_HOME=$BATS_TEST_TMPDIR/ansible ANSIBLE_DEPRECATION_WARNINGS=no \
        ANSIBLE_LOCALHOST_WARNING=no ANSIBLE_INVENTORY_UNPARSED_WARNING=no ANSIBLE_PYTHON_INTERPRETER=$python
    for module in "${modules[@]}"; do
        vcenter_reset
        plainly bare ansible localhost -m "community.vmware.$module"
        went_well bare
        [ "$(vcenter_count)" -gt 0 ]
        for run in cold warm; do
            vcenter_reset
            cached $run ansible localhost -m "community.vmware.$module"
            same bare $run
        done
        origin_was_not_asked
    done
    # Whoever was first logged in for all of them.
    [ "$(counter hit.session-lent)" -ge 5 ]
}

@test "Python's requests" {
    "$python" -c 'import requests' 2>/dev/null || skip "python3-requests is not installed"
    asks_nothing_when_warm "$python" "$scripts/with-requests.py"
    said bare | grep -qx DC0_C0_RP0_VM4
    vcenter_reset
    VCENTER_INSECURE=1 asks_nothing_when_warm "$python" "$scripts/with-requests.py"
}

@test "rbvmomi" {
    asks_nothing_when_warm ruby "$scripts/inventory.rb"
    lists_all_vms bare
    counted 'hit.hit 14' 'hit.logout-kept 1' 'hit.session-lent 1' 'hit.view-kept 1' 'hit.view-lent 1'
}

@test "rbvmomi: without a look at the certificate" {
    VCENTER_INSECURE=1 asks_nothing_when_warm ruby "$scripts/inventory.rb"
    lists_all_vms bare
}

@test "Perl, LWP: a connection for each request" {
    asks_nothing_when_warm perl "$scripts/inventory.pl"
    lists_all_vms bare
    counted 'hit.hit 4' 'hit.logout-kept 1' 'hit.session-lent 1' 'hit.view-kept 1' 'hit.view-lent 1'
}

@test "Perl, LWP: keep-alive" {
    asks_nothing_when_warm perl "$scripts/inventory.pl" --keep-alive
    lists_all_vms bare
}

@test "Perl, LWP: without a look at the certificate" {
    VCENTER_INSECURE=1 asks_nothing_when_warm perl "$scripts/inventory.pl" --keep-alive
    lists_all_vms bare
}

@test "PHP, SoapClient: keep-alive" {
    php_has soap || skip "php-soap is not installed"
    asks_nothing_when_warm php "$scripts/inventory.php"
    lists_all_vms bare
    counted 'hit.hit 2' 'hit.logout-kept 1' 'hit.session-lent 1' 'hit.view-kept 1' 'hit.view-lent 1'
}

@test "PHP, SoapClient: a connection for each request" {
    php_has soap || skip "php-soap is not installed"
    asks_nothing_when_warm php "$scripts/inventory.php" --close
    lists_all_vms bare
}

@test "PHP, SoapClient: without a look at the certificate" {
    php_has soap || skip "php-soap is not installed"
    VCENTER_INSECURE=1 asks_nothing_when_warm php "$scripts/inventory.php"
    lists_all_vms bare
}

@test "PHP, streams: HTTP/1.0 and Connection: close" {
    php_has openssl || skip "PHP has no TLS"
    asks_nothing_when_warm php "$scripts/streams.php"
    said bare | grep -qx '6\.5'
    counted 'hit.hit 2'
}

@test "a program that fails, fails in the same way" {
    plainly bare "$python" "$scripts/find.py" DC0/vm/nobody DC0/vm/DC0_H0_VM0
    [ "$status" -eq 1 ]
    for name in cold warm; do
        vcenter_reset
        cached $name "$python" "$scripts/find.py" DC0/vm/nobody DC0/vm/DC0_H0_VM0
        same bare $name
    done
    origin_was_not_asked
}

@test "one login for programs in four languages, and one session" {
    php_has soap || skip "php-soap is not installed"
    cached python "$python" "$scripts/inventory.py"
    cached ruby ruby "$scripts/inventory.rb"
    cached perl perl "$scripts/inventory.pl"
    cached php php "$scripts/inventory.php"
    for name in python ruby perl php; do
        went_well $name
        lists_all_vms $name
    done
    [ "$(vcenter_count Login)" -eq 1 ]
    [ "$(vcenter_sessions)" -eq 1 ]
    [ "$(counter hit.session-lent)" -eq 3 ]
}

@test "what the program starts is answered too" {
    cached cold bash -c "$python $scripts/inventory.py && ruby $scripts/inventory.rb"
    went_well cold
    vcenter_reset
    cached warm bash -c "$python $scripts/inventory.py && ruby $scripts/inventory.rb"
    same cold warm
    origin_was_not_asked
}

@test "switched off, everything goes to vCenter and nothing is kept" {
    local bare
    plainly bare "$python" "$scripts/inventory.py"
    bare=$(vcenter_count)
    cached cold "$python" "$scripts/inventory.py"
    [ "$(counter kept.stored)" -gt 0 ]
    zero
    for off in variable option; do
        vcenter_reset
        case $off in
            variable) VCACHE_DISABLE=1 cached off "$python" "$scripts/inventory.py" ;;
            option) cached off --off "$python" "$scripts/inventory.py" ;;
        esac
        same bare off
        [ "$(vcenter_count)" -eq "$bare" ]
    done
    # Not by the wrapper: preloaded, and told to keep out.
    vcenter_reset
    VCACHE_DISABLE=1 LD_PRELOAD=$build/libvcache.so plainly off "$python" "$scripts/inventory.py"
    same bare off
    [ "$(vcenter_count)" -eq "$bare" ]
    counted
}

@test "a vCenter that is not selected is left alone" {
    local bare
    plainly bare "$python" "$scripts/inventory.py"
    bare=$(vcenter_count)
    export VCACHE_HOSTS='vc*.example.com,192.0.2.7:443'
    for name in cold warm; do
        vcenter_reset
        cached $name "$python" "$scripts/inventory.py"
        same bare $name
        [ "$(vcenter_count)" -eq "$bare" ]
    done
    counted "bypass.host $((2 * bare))"
}
