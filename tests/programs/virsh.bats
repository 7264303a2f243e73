#!/usr/bin/env bats
# libvirt's ESX driver: SOAP over libcurl's GnuTLS flavour, where no OpenSSL call exists.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    # vCenter says more than libvirt knows, and it warns of each word.
    export LIBVIRT_DEBUG=4 LIBVIRT_AUTH_FILE=$BATS_TEST_TMPDIR/auth.conf
    know "$VCENTER_USER" "$VCENTER_PASSWORD"
    unverified="vpx://$VCENTER_HOST:$VCENTER_PORT/DC0/DC0_H0?no_verify=1"
    verified="vpx://$VCENTER_HOST:$VCENTER_PORT/DC0/DC0_H0"
    uri=$unverified
    trusted=()
}

# know USER PASSWORD: what virsh logs in with.
know() {
    printf '%s\n' '[credentials-vcenter]' "username=$1" "password=$2" "[auth-esx-$VCENTER_HOST]" credentials=vcenter \
        >"$LIBVIRT_AUTH_FILE"
}

# trust_ca: libvirt has no word for a CA; its libcurl reads the system's directory, and finds this one's there.
# shellcheck disable=SC2016 # for the inner shell
trust_ca() {
    export TRUSTED=$BATS_TEST_TMPDIR/trusted
    mkdir -p "$TRUSTED"
    cp "$VCENTER_CA" "$TRUSTED"
    trusted=("$programs/faults/in-mounts" 'mount --bind "$TRUSTED" /etc/ssl/certs')
    "${trusted[@]}" true 2>/dev/null || skip "mount namespaces are not to be had here"
    uri=$verified
}

# virsh_plainly NAME COMMAND…, virsh_cached NAME COMMAND…
virsh_plainly() { plainly "$1" "${trusted[@]}" virsh --connect "$uri" "${@:2}"; }
virsh_cached() { run_into "$1" "${trusted[@]}" "$build/vcache" virsh --connect "$uri" "${@:2}"; }

origin_saw_nothing() { origin_was_not_asked && [ "$(vcenter_connections)" -eq 0 ]; }

# asks_nothing_when_warm COMMAND…: the same without the shim, cold and warm; cold, it asks no more than without, nor by more
# connections; warm, vCenter is not even connected to.
asks_nothing_when_warm() {
    local requests connections
    virsh_plainly bare "$@"
    went_well bare
    requests=$(vcenter_count) connections=$(vcenter_connections)
    vcenter_reset
    virsh_cached cold "$@"
    same bare cold
    [ "$(vcenter_count)" -le "$requests" ]
    [ "$(vcenter_connections)" -le "$connections" ]
    vcenter_reset
    virsh_cached warm "$@"
    same bare warm
    origin_saw_nothing
}

@test "list --all" {
    asks_nothing_when_warm list --all
    [ "$(grep -c ' DC0_H0_VM[0-4]  *running$' bare.out)" -eq 5 ]
}
@test "hostname" { asks_nothing_when_warm hostname; }
@test "nodeinfo" { asks_nothing_when_warm nodeinfo; }
@test "version" { asks_nothing_when_warm version; }
@test "dominfo" { asks_nothing_when_warm dominfo DC0_H0_VM1; }
@test "domstate" { asks_nothing_when_warm domstate DC0_H0_VM1; }
@test "net-list, pool-list, freecell" {
    asks_nothing_when_warm net-list
    asks_nothing_when_warm pool-list
    asks_nothing_when_warm freecell
}
@test "dumpxml, which fetches the machine's file" {
    asks_nothing_when_warm dumpxml DC0_H0_VM1
    grep -q "<source file='\[LocalDS_0\] DC0_H0_VM1/disk1.vmdk'/>" bare.out
}
@test "several commands in one run" { asks_nothing_when_warm 'list --all; hostname; dominfo DC0_H0_VM2; list --all; version'; }

@test "verified: list --all" {
    trust_ca
    asks_nothing_when_warm list --all
}
@test "verified: hostname, nodeinfo, version" {
    trust_ca
    asks_nothing_when_warm hostname
    asks_nothing_when_warm nodeinfo
    asks_nothing_when_warm version
}
@test "verified: dominfo, dumpxml" {
    trust_ca
    asks_nothing_when_warm dominfo DC0_H0_VM1
    asks_nothing_when_warm dumpxml DC0_H0_VM1
}

@test "a host in a cluster" {
    uri="vpx://$VCENTER_HOST:$VCENTER_PORT/DC0/DC0_C0/DC0_C0_H0?no_verify=1"
    asks_nothing_when_warm list --all
}

# by_name: vCenter has a name, as it has everywhere but here; libcurl's rules for loopback are not those for others.
# shellcheck disable=SC2016 # for the inner shell
by_name() {
    printf '[auth-esx-vcenter.example.com]\ncredentials=vcenter\n' >>"$LIBVIRT_AUTH_FILE"
    export HOSTS=$BATS_TEST_TMPDIR/hosts
    echo "$VCENTER_HOST vcenter.example.com" >"$HOSTS"
    trusted=("$programs/faults/in-mounts" 'mount --bind "$HOSTS" /etc/hosts')
    "${trusted[@]}" true 2>/dev/null || skip "mount namespaces are not to be had here"
    uri="vpx://vcenter.example.com:$VCENTER_PORT/DC0/DC0_H0?no_verify=1"
}

@test "by the name of a host" {
    by_name
    asks_nothing_when_warm 'list --all; dumpxml DC0_H0_VM1'
}

@test "by the name of a host, and the session ends between two runs" {
    by_name
    export VCACHE_TTL=0
    virsh_plainly bare 'list --all; dumpxml DC0_H0_VM1'
    virsh_cached first 'list --all; dumpxml DC0_H0_VM1'
    same bare first
    vcenter_control /end-sessions >/dev/null
    vcenter_reset
    virsh_cached second 'list --all; dumpxml DC0_H0_VM1'
    same bare second
    [ "$(vcenter_count Login)" -eq 1 ]
}

# ---- whose answers -------------------------------------------------------------------------------

@test "who verifies is not answered with what an unverified one fetched" {
    virsh_cached unverified list --all
    trust_ca
    vcenter_reset
    virsh_cached verified list --all
    same unverified verified
    [ "$(vcenter_count Login)" -eq 1 ]
    [ "$(vcenter_connections)" -gt 0 ]
}

@test "who does not trust the certificate is refused, whatever others have stored" {
    uri=$verified virsh_plainly bare list
    [ "$status" -ne 0 ]
    virsh_cached unverified list
    (
        trust_ca
        virsh_cached trusting list
        went_well trusting
    )
    uri=$verified virsh_cached refused list
    same bare refused
}

@test "a wrong password is refused, whatever others have stored" {
    virsh_cached first list
    went_well first
    know "$VCENTER_USER" wrong
    virsh_plainly bare list
    grep -q 'incorrect user name or password' bare.err
    virsh_cached refused list
    same bare refused
    know "$VCENTER_USER" "$VCENTER_PASSWORD"
    vcenter_reset
    virsh_cached again list
    same first again
    origin_saw_nothing
}

@test "another user logs in" {
    virsh_cached first list
    know reader@vsphere.local vcache-Secret-2
    vcenter_reset
    virsh_cached second list
    same first second
    [ "$(vcenter_count Login)" -eq 1 ]
    [ "$(vcenter_sessions)" -eq 2 ]
}

# ---- sessions ------------------------------------------------------------------------------------

@test "however many runs, one login and one session" {
    local i
    export VCACHE_TTL=0
    virsh_plainly bare list --all
    vcenter_control /end-sessions >/dev/null
    vcenter_reset
    for i in 1 2 3; do
        virsh_cached "run-$i" list --all
        same bare "run-$i"
    done
    [ "$(vcenter_count Login)" -eq 1 ]
    [ "$(vcenter_count Logout)" -eq 0 ]
    [ "$(vcenter_sessions)" -eq 1 ]
}

@test "the session ended between two runs" {
    export VCACHE_TTL=0
    virsh_plainly bare list --all
    virsh_cached first list --all
    vcenter_control /end-sessions >/dev/null
    vcenter_reset
    virsh_cached second list --all
    same bare second
    [ "$(vcenter_count Login)" -eq 1 ]
}

@test "the session ends before any one of its requests" {
    local n ends=0 commands='list --all; dominfo DC0_H0_VM2; dumpxml DC0_H0_VM2'
    export VCACHE_TTL=0
    virsh_plainly bare "$commands"
    went_well bare
    for ((n = 0; n <= ends; n++)); do
        vcenter_control /end-sessions >/dev/null
        rm -rf "$VCACHE_DIR"
        virsh_cached lender hostname
        went_well lender
        vcenter_reset
        vcenter_control "/fail?end=1&skip=$n" >/dev/null
        virsh_cached "between-$n" "$commands"
        same bare "between-$n" || { echo "ended before request $n" && return 1; }
        [ "$(vcenter_count Login)" -le 1 ]
        # Until there are no requests left for it to end before.
        if vcenter_journal | grep -q '"trouble":"session ended"'; then ends=$((n + 1)); fi
        vcenter_control '/fail?times=0' >/dev/null
    done
    [ "$ends" -ge 10 ]
}

# ---- writes --------------------------------------------------------------------------------------

# true_everywhere: both fronts' programs say what vCenter says, and so does virsh with its own eyes shut.
true_everywhere() {
    local step=$1
    virsh_plainly "truth-$step" list --all
    virsh_cached "told-$step" list --all
    same "truth-$step" "told-$step"
    plainly "truth-py-$step" "$python" "$scripts/inventory.py"
    cached "told-py-$step" "$python" "$scripts/inventory.py"
    same "truth-py-$step" "told-py-$step"
}

@test "destroy and start: the next list of any process is true" {
    true_everywhere before
    grep -q ' DC0_H0_VM3  *running$' told-before.out
    virsh_cached write destroy DC0_H0_VM3
    went_well write
    true_everywhere destroyed
    grep -q ' DC0_H0_VM3  *shut off$' told-destroyed.out
    grep -q '^DC0_H0_VM3 .* poweredOff ' told-py-destroyed.out
    virsh_cached write start DC0_H0_VM3
    went_well write
    true_everywhere started
    cmp told-before.out told-started.out
}

@test "suspend and resume: the next list of any process is true" {
    true_everywhere before
    virsh_cached write suspend DC0_H0_VM2
    true_everywhere suspended
    grep -q ' DC0_H0_VM2  *paused$' told-suspended.out
    virsh_cached write resume DC0_H0_VM2
    true_everywhere resumed
    cmp told-before.out told-resumed.out
}

@test "a write by pyVmomi: the next list of virsh is true" {
    true_everywhere before
    cached write "$python" "$scripts/write.py" DC0_H0_VM4 power-off
    went_well write
    true_everywhere off
    grep -q ' DC0_H0_VM4  *shut off$' told-off.out
    cached write "$python" "$scripts/write.py" DC0_H0_VM4 power-on
    true_everywhere on
    cmp told-before.out told-on.out
}

@test "a machine's file is read anew after a write" {
    virsh_cached before dumpxml DC0_H0_VM0
    cached write "$python" "$scripts/write.py" DC0_H0_VM0 memory 8192
    virsh_plainly truth dumpxml DC0_H0_VM0
    virsh_cached after dumpxml DC0_H0_VM0
    same truth after
    grep -q "<memory unit='KiB'>8388608</memory>" after.out
    run ! cmp -s before.out after.out
}

@test "writes within one run, and reads between them" {
    local commands='list --all; destroy DC0_H0_VM1; list --all; start DC0_H0_VM1; list --all'
    virsh_plainly bare "$commands"
    went_well bare
    for run in cold warm; do
        virsh_cached $run "$commands"
        same bare $run
    done
}

# ---- what else must not be noticed ---------------------------------------------------------------

@test "every framing of a response" {
    local framing
    virsh_plainly bare 'list --all; dumpxml DC0_H0_VM1'
    for framing in length chunked close; do
        vcenter_control "/framing?mode=$framing" >/dev/null
        rm -rf "$VCACHE_DIR"
        virsh_cached cold 'list --all; dumpxml DC0_H0_VM1'
        same bare cold
        vcenter_reset
        virsh_cached warm 'list --all; dumpxml DC0_H0_VM1'
        same bare warm
        origin_saw_nothing
    done
}

@test "an error of vCenter's is shown as it is" {
    virsh_plainly bare reboot DC0_H0_VM1
    [ "$status" -ne 0 ]
    for run in cold warm; do
        virsh_cached $run reboot DC0_H0_VM1
        same bare $run
    done
}

@test "a vCenter that is down: what is stored is answered, and nothing else" {
    another_vcenter own --vms 4
    know "$VCENTER_USER" "$VCENTER_PASSWORD"
    uri="vpx://$VCENTER_HOST:$VCENTER_PORT/DC0/DC0_H0?no_verify=1"
    virsh_cached first list --all
    went_well first
    vcenter_stop
    virsh_cached second list --all
    same first second
    virsh_plainly bare list --all
    [ "$status" -ne 0 ]
    rm -rf "$VCACHE_DIR"
    virsh_cached without list --all
    same bare without
}

@test "switched off, everything goes to vCenter" {
    local bare
    virsh_plainly bare list --all
    bare=$(vcenter_count)
    virsh_cached cold list --all
    vcenter_reset
    VCACHE_DISABLE=1 virsh_cached off list --all
    same bare off
    [ "$(vcenter_count)" -eq "$bare" ]
}
