#!/usr/bin/env bats
# Programs of other languages on libcurl: PHP's extension on the OpenSSL flavour, Python's on Debian's other one. What they
# print is the same without the shim, cold and warm; and a warm run does not speak to vCenter.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/libcurl.bash"

setup() {
    begin
}

# asks_nothing_when_warm COMMAND…: cold, it asks no more than without the shim, nor by more connections.
asks_nothing_when_warm() {
    local requests connections vm
    plainly bare "$@"
    went_well bare
    for vm in DC0_H0_VM{0..4} DC0_C0_RP0_VM{0..4}; do grep -q "^$vm vm-[0-9]* poweredOn" bare.out; done
    requests=$(vcenter_count) connections=$(vcenter_connections)
    vcenter_reset
    cached cold "$@"
    same bare cold
    [ "$(vcenter_count)" -le "$requests" ]
    [ "$(vcenter_connections)" -le "$connections" ]
    vcenter_reset
    zero
    cached warm "$@"
    same bare warm
    origin_saw_nothing
    [ "$(counter requests)" -eq "$requests" ]
    [ "$(counter hits)" -eq "$requests" ]
}

@test "pycurl, easy" { asks_nothing_when_warm "$python" "$scripts/with-pycurl.py" easy; }
@test "pycurl, multi: many at once" { asks_nothing_when_warm "$python" "$scripts/with-pycurl.py" multi; }
@test "pycurl, multi by socket_action and epoll" { asks_nothing_when_warm "$python" "$scripts/with-pycurl.py" socket; }
@test "pycurl: without a look at the certificate" {
    VCENTER_INSECURE=1 asks_nothing_when_warm "$python" "$scripts/with-pycurl.py" easy
}
@test "PHP, easy" { asks_nothing_when_warm php "$scripts/with-curl.php" easy; }
@test "PHP, multi: many at once" { asks_nothing_when_warm php "$scripts/with-curl.php" multi; }
@test "PHP: without a look at the certificate" { VCENTER_INSECURE=1 asks_nothing_when_warm php "$scripts/with-curl.php" multi; }

@test "one login for programs on either flavour, as long as they are shown the same" {
    cached php php "$scripts/with-curl.php" easy
    cached multi php "$scripts/with-curl.php" multi
    cached python "$python" "$scripts/with-pycurl.py" easy
    went_well php
    went_well python
    same php multi
    [ "$(vcenter_count Login)" -le 2 ]
}

@test "the session ended between two runs" {
    local program
    export VCACHE_TTL=0
    for program in "php $scripts/with-curl.php multi" "$python $scripts/with-pycurl.py multi"; do
        rm -rf "$VCACHE_DIR"
        plainly bare $program
        cached first $program
        same bare first
        vcenter_control /end-sessions >/dev/null
        vcenter_reset
        cached second $program
        same bare second
        [ "$(vcenter_count Login)" -eq 1 ]
    done
}

@test "the session ends before any one of its requests" {
    local n ends=0 program="php $scripts/with-curl.php easy"
    export VCACHE_TTL=0
    plainly bare $program
    for ((n = 0; n <= ends; n++)); do
        vcenter_control /end-sessions >/dev/null
        rm -rf "$VCACHE_DIR"
        cached lender $program
        went_well lender
        vcenter_reset
        vcenter_control "/fail?end=1&skip=$n" >/dev/null
        cached "between-$n" $program
        same bare "between-$n" || { echo "ended before request $n" && return 1; }
        [ "$(vcenter_count Login)" -le 1 ]
        if vcenter_journal | grep -q '"trouble":"session ended"'; then ends=$((n + 1)); fi
        vcenter_control '/fail?times=0' >/dev/null
    done
    [ "$ends" -ge 5 ]
}

@test "a write by pyVmomi, over OpenSSL: the next run over libcurl is true" {
    local program state
    for program in "php $scripts/with-curl.php easy" "$python $scripts/with-pycurl.py multi"; do
        cached before $program
        for state in off on; do
            cached write "$python" "$scripts/write.py" DC0_H0_VM2 power-$state
            went_well write
            cached after $program
            plainly truth $program
            same truth after
            grep -qi "^DC0_H0_VM2 vm-[0-9]* powered$state" after.out
        done
    done
}

# Sockets of libcurl's are inherited, without the shim, too.
@test "what the program starts is left no file of the cache" {
    local run
    for run in cold warm; do
        cached $run php -r '
            $curl = curl_init("https://" . getenv("VCENTER_HOST") . ":" . getenv("VCENTER_PORT") . "/sdk/vimServiceVersions.xml");
            curl_setopt_array($curl, [CURLOPT_CAINFO => getenv("VCENTER_CA"), CURLOPT_RETURNTRANSFER => true]);
            echo strlen(curl_exec($curl)), " bytes\n";
            passthru("ls -l /proc/self/fd");'
        grep -qx '507 bytes' $run.out
        grep -q ' 1 -> ' $run.out
        run ! grep -F "$VCACHE_DIR" $run.out
    done
    [ "$(vcenter_count)" -eq 1 ]
}

# The calls of one who looks functions up by name do not come through the shim: libcurl is then an OpenSSL program itself.
@test "libcurl by ctypes: what it is told is the same" {
    local run
    for run in bare cold warm; do
        step=cached
        [ $run = cold ] || [ $run = warm ] || step=plainly
        $step $run "$python" -c "
import ctypes, os
curl = ctypes.CDLL('libcurl.so.4')
curl.curl_easy_init.restype = ctypes.c_void_p
for _ in range(3):
    handle = ctypes.c_void_p(curl.curl_easy_init())
    curl.curl_easy_setopt(handle, 10002, b'https://%s:%s/sdk/vimServiceVersions.xml' % (os.environb[b'VCENTER_HOST'], os.environb[b'VCENTER_PORT']))
    curl.curl_easy_setopt(handle, 10065, os.environb[b'VCENTER_CA'])
    print('result', curl.curl_easy_perform(handle), flush=True)
    curl.curl_easy_cleanup(handle)
"
    done
    grep -q '<version>6.5</version>' bare.out
    same bare cold
    same bare warm
}
