#!/usr/bin/env bats
# The ways that lead from libcurl to a vCenter: proxies, protocols, addresses, who is trusted on them. A program is told the
# same over each with the shim as without, and warm it takes none.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2154
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/libcurl.bash"
vcenter_options=(--vms 10 --name vcenter.example.com)

setup() {
    begin_judged
    unset SSL_CERT_FILE # the curl command takes a CA from it
    get=(curl --silent --show-error --cacert "$VCENTER_CA" "https://$VCENTER_HOST:$VCENTER_PORT/sdk/vimServiceVersions.xml")
}

# same_by_curl COMMAND…: the same without the shim, cold and warm; and warm, nobody was connected to.
same_by_curl() {
    rm -rf "$VCACHE_DIR"
    plainly bare "$@"
    cached cold "$@"
    vcenter_reset
    cached warm "$@"
    same bare cold && same bare warm && origin_saw_nothing
}

# ---- proxies -------------------------------------------------------------------------------------

# What the proxy said on the way is not shown, and of what was sent to it nothing counted.
quiet_of_proxy() {
    sed -i -E '/^  (HEADER_SIZE|REQUEST_SIZE|HTTP_CONNECTCODE|PROXYAUTH_AVAIL|PRIMARY_IP|PRIMARY_PORT) /d' "$1.out"
}
# through_proxy STEP…: as judged; warm, the proxy is not asked either.
reads=(ask:login quietly ask:name perform ask:large perform)
through_proxy() {
    local judge asked
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        for run in bare cold warm; do
            asked=$(wc -l <proxy.out)
            vcenter_reset
            if [ "$run" = bare ]; then step=plainly; else step=cached; fi
            $step "$run" "$clients/$judge" SUPPRESS_CONNECT_HEADERS=1 "$@"
            quiet_of_proxy "$run"
        done
        same bare cold && same bare warm && origin_saw_nothing && [ "$(wc -l <proxy.out)" -eq "$asked" ] ||
            { echo "by $judge" && return 1; }
    done
}

@test "a proxy, by an option and by the environment" {
    start_proxy
    through_proxy "PROXY=http://127.0.0.1:$proxy" "${reads[@]}"
    [ "$(grep -c " 200$" proxy.out)" -ge 4 ]
    https_proxy=http://127.0.0.1:$proxy through_proxy "${reads[@]}"
    https_proxy=http://127.0.0.1:$proxy same_by_curl "${get[@]}"
    https_proxy=http://127.0.0.1:1 no_proxy=$VCENTER_HOST same_by_curl "${get[@]}"
}
@test "a proxy that asks for a password" {
    start_proxy me:secret
    through_proxy "PROXY=http://127.0.0.1:$proxy" PROXYUSERPWD=me:secret "${reads[@]}"
    through_proxy "PROXY=http://me:secret@127.0.0.1:$proxy" "${reads[@]}"
    same_by_curl "${get[@]}" --proxy "http://127.0.0.1:$proxy" --proxy-user me:secret
    plainly bare "${get[@]}" --proxy "http://127.0.0.1:$proxy" --proxy-user me:wrong
    rm -rf "$VCACHE_DIR"
    cached refused "${get[@]}" --proxy "http://127.0.0.1:$proxy" --proxy-user me:wrong
    same bare refused
    [ "$(cat bare.status)" -eq 56 ]
}
@test "what came by one way is not answered to who goes another" {
    start_proxy
    cached direct "${get[@]}"
    vcenter_reset
    cached proxied "${get[@]}" --proxy "http://127.0.0.1:$proxy"
    same direct proxied
    [ "$(vcenter_count)" -eq 1 ]
    grep -q " 200$" proxy.out
}

# ---- protocols -----------------------------------------------------------------------------------

@test "a vCenter that speaks HTTP/2, too: the same answers in HTTP/1.1" {
    another_vcenter modern --http2
    vcenter_control '/framing?mode=length' >/dev/null
    local versions=https://$VCENTER_HOST:$VCENTER_PORT/sdk/vimServiceVersions.xml run
    for run in bare cold warm; do
        vcenter_reset
        if [ $run = bare ]; then step=plainly; else step=cached; fi
        $step $run curl --silent --show-error --cacert "$VCENTER_CA" -w '%{http_code} %{http_version}\n' "$versions"
    done
    grep -q ' 2$' bare.out
    for run in cold warm; do
        grep -q ' 1.1$' $run.out
        sed -i 's/^200 1.1$/200 2/' $run.out
        same bare $run
    done
    origin_saw_nothing
    # What is none of its business goes as ever.
    plainly bare curl --silent --show-error --cacert "$VCENTER_CA" -w '%{http_version}\n' "https://$VCENTER_HOST:$VCENTER_PORT/echo" -d hello
    cached under curl --silent --show-error --cacert "$VCENTER_CA" -w '%{http_version}\n' "https://$VCENTER_HOST:$VCENTER_PORT/echo" -d hello
    grep -q '2$' bare.out
    same bare under
}

# ---- addresses -----------------------------------------------------------------------------------

@test "IPv6" {
    another_vcenter six --listen '[::1]:0' --vms 10
    vcenter_control '/framing?mode=length' >/dev/null
    logged_in_here perform ask:large perform
    same_by_curl curl --silent --show-error --cacert "$VCENTER_CA" -w '%{remote_ip} %{remote_port}\n' \
        "https://[$VCENTER_HOST]:$VCENTER_PORT/sdk/vimServiceVersions.xml"
    same_by_curl curl --silent --show-error --cacert "$VCENTER_CA" -6 "https://localhost:$VCENTER_PORT/sdk/vimServiceVersions.xml"
}
@test "a port and an address of the program's own" {
    logged_in LOCALPORT=41000 LOCALPORTRANGE=900 perform
    logged_in INTERFACE=host!127.0.0.1 perform
    judged INTERFACE=nowhere0 ask:content perform
    grep -q '^result 45, ' bare.out
    # A way of its own is a name of its own: what another asked it is not answered.
    cached first "$clients/judge" ask:content quietly
    vcenter_reset
    cached second "$clients/judge" INTERFACE=host!127.0.0.1 ask:content quietly
    same first second
    [ "$(vcenter_count)" -eq 1 ]
}
@test "an origin that says nothing: the program's own time-out" {
    start_silent
    judged "URL=https://127.0.0.1:$silent/sdk" CONNECTTIMEOUT_MS=300 ask:content perform
    grep -q '^result 28, ' bare.out
    JUDGE_LOOP=epoll judged "URL=https://127.0.0.1:$silent/sdk" CONNECTTIMEOUT_MS=300 ask:content perform
    judged "URL=https://127.0.0.1:$silent/sdk" TIMEOUT_MS=300 ask:content perform
    JUDGE_LOOP=epoll judged "URL=https://127.0.0.1:$silent/sdk" TIMEOUT_MS=300 ask:content perform
    for run in plainly cached; do
        $run $run curl --silent --show-error -k --connect-timeout 0.3 "https://127.0.0.1:$silent/sdk/vimServiceVersions.xml"
        sed -i -e 's/after [0-9]* milliseconds/in time/' -e 's/SSL connection timeout/Connection timed out in time/' $run.err
    done
    same plainly cached
    [ "$(cat cached.status)" -eq 28 ]
}
@test "nobody there: --retry-connrefused" {
    for run in plainly cached; do
        $run $run curl --silent --show-error --retry 1 --retry-delay 1 --retry-connrefused -w '%{num_retries} %{http_code}\n' \
            https://127.0.0.1:1/sdk/vimServiceVersions.xml
        sed -i 's/after [0-9]* /after so many /' $run.err
    done
    same plainly cached
    [ "$(cat cached.status)" -eq 7 ]
}

# ---- whom to trust -------------------------------------------------------------------------------

@test "the file of CAs changes between two runs: what was asked before is for those who trust as before" {
    local judge
    another_vcenter other
    use_vcenter "$BATS_FILE_TMPDIR/vcenter"
    unset SSL_CERT_FILE
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        cp "$VCENTER_CA" trusted.pem
        cached first "$clients/$judge" "CAINFO=$PWD/trusted.pem" ask:login quietly ask:name perform
        grep -q '>DC0_H0_VM0<' first.out
        # In place, and to the same size.
        cat "$BATS_TEST_TMPDIR/other/ca.pem" >trusted.pem
        truncate --size="$(stat -c %s "$VCENTER_CA")" trusted.pem
        plainly bare "$clients/$judge" "CAINFO=$PWD/trusted.pem" ask:login quietly ask:name perform
        cached second "$clients/$judge" "CAINFO=$PWD/trusted.pem" ask:login quietly ask:name perform
        same bare second || { echo "$judge" && return 1; }
        run ! grep -q DC0_H0_VM0 second.out
        # Who verifies nothing is told nothing of what was verified, nor the other way round.
        cp "$VCENTER_CA" trusted.pem
        cached third "$clients/$judge" "CAINFO=$PWD/trusted.pem" ask:login quietly ask:name perform
        same first third
    done
}
@test "the file of CAs changes between two requests of a program" {
    local judge
    another_vcenter other
    use_vcenter "$BATS_FILE_TMPDIR/vcenter"
    unset SSL_CERT_FILE
    mkfifo go
    for judge in "${flavours[@]}"; do
        for run in plainly cached; do
            cp "$VCENTER_CA" trusted.pem
            : >$run.out
            $run $run "$clients/$judge" "CAINFO=$PWD/trusted.pem" ask:login quietly ask:name quietly say:there wait:go cleanup new \
                "CAINFO=$PWD/trusted.pem" ask:content perform &
            until_said $run 4
            grep -q '^there$' $run.out
            cat "$BATS_TEST_TMPDIR/other/ca.pem" >trusted.pem
            timeout 60 sh -c ': >go'
            wait $!
        done
        same plainly cached || { echo "$judge" && return 1; }
        grep -q '^result 60, ' cached.out
    done
}

# ---- what else is sent ---------------------------------------------------------------------------

@test "forms: MIMEPOST and HTTPPOST" {
    judged MIMEPOST=@content quietly perform
    judged HTTPPOST=@content quietly perform
    logged_in perform MIMEPOST=@content quietly 'MIMEPOST=(null)' ask:name perform
    for how in -F --form-string; do
        plainly bare "${get[@]}" "$how" a=b
        cached under "${get[@]}" "$how" a=b
        same bare under
    done
}
@test "a password in a file: NETRC" {
    printf 'machine %s login somebody password else\n' "$VCENTER_HOST" >netrc
    logged_in NETRC=2 "NETRC_FILE=$PWD/netrc" perform
    plainly bare "${get[@]}" --netrc-file netrc
    for _ in 1 2; do
        cached under "${get[@]}" --netrc-file netrc
        same bare under
    done
}
@test "a file is put: -T" {
    echo hello >file
    for url in "${get[-1]}" "https://$VCENTER_HOST:$VCENTER_PORT/echo"; do
        plainly bare curl --silent --show-error --cacert "$VCENTER_CA" -T file "$url" -w '%{http_code}\n'
        cached under curl --silent --show-error --cacert "$VCENTER_CA" -T file "$url" -w '%{http_code}\n'
        same bare under
    done
}
