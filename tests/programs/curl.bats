#!/usr/bin/env bats
# The curl command: what it prints, writes and says is the same without the shim, with a cold cache and with a warm one; and
# a warm run does not speak to vCenter.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/libcurl.bash"
vcenter_options=(--vms 10 --name vcenter.example.com)

setup() {
    begin_judged
    unset SSL_CERT_FILE # the command takes a CA from it
    base=https://$VCENTER_HOST:$VCENTER_PORT
    sdk=$base/sdk
    versions=$base/sdk/vimServiceVersions.xml
    message login '<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this>' \
        "<userName>$VCENTER_USER</userName><password>$VCENTER_PASSWORD</password></Login>"
    message name "$(read_of VirtualMachine 'VirtualMachine">vm-57' name)"
    message large "$(read_of VirtualMachine 'Folder">folder-3' config '<skip>true</skip><selectSet xsi:type="TraversalSpec">' \
        '<type>Folder</type><path>childEntity</path></selectSet>')"
    message content '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent>'
    message unknown '<FrobnicateVM xmlns="urn:vim25"><_this type="VirtualMachine">vm-57</_this></FrobnicateVM>'
    soap=(--silent --show-error --cacert "$VCENTER_CA" --header 'Content-Type: text/xml; charset=utf-8'
        --header 'SOAPAction: "urn:vim25/6.5"')
    get=(--silent --show-error --cacert "$VCENTER_CA")
}

# message NAME TEXT…: a file of that name with such a message.
message() {
    printf '%s' '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope' \
        ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' \
        "<soapenv:Body>${*:2}</soapenv:Body></soapenv:Envelope>" >"$1"
}
# read_of KIND OBJECT PATH [TEXT…]
read_of() {
    echo '<RetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this><specSet><propSet>' \
        "<type>$1</type><pathSet>$3</pathSet></propSet><objectSet><obj type=\"$2</obj>${*:4}</objectSet></specSet><options/>" \
        '</RetrievePropertiesEx>'
}

# forget_differences RUN: dates, cookies, and what libcurl says on its own account of connections and TLS. A stored answer's
# length is the last of its fields.
forget_differences() {
    sed -i -E -e 's/^(< )?[Dd]ate: .*/\1Date: (a date)/; s/"date":\["[^"]*"\]/"date":[]/; s/[0-9a-f]{40}/(a cookie)/g' \
        -e '/^(\* |[{}] \[)/d' "$1.out" "$1.err"
    sed -i -E '/^(< )?Content-Length: /{h;d}; /^(< )?\r$/{x;/./{p;s/.*//};x}' "$1.out" "$1.err"
    # A session's times are longer or shorter, as it happens.
    sed -i -E '/^(< )?Set-Cookie: /,/^(< )?\r$/s/Content-Length: .*/Content-Length: (of a session)/' "$1.out" "$1.err"
}

# runs COMMAND…: three runs, compared. They begin with their cookies in the file `jar`, if there was one at first.
runs() {
    local run
    rm -rf "$VCACHE_DIR"
    for run in bare cold warm; do
        vcenter_reset
        if [ $run = bare ]; then plainly bare "$@"; else cached $run "$@"; fi
        mkdir -p "files-$run"
        find . -maxdepth 1 -name 'made*' -exec mv {} "files-$run/" \;
        forget_differences $run
    done
    same bare cold && same bare warm && diff -r files-bare files-cold && diff -r files-bare files-warm
}
runs_here() { runs "$@" && origin_saw_nothing; }

# In one command: a login, whose answer is not shown, and what follows in its session.
log_in() { logging_in=(curl "${soap[@]}" --cookie '' --data-binary @login --output /dev/null "$sdk" --next "${soap[@]}" --cookie ''); }

@test "a GET" {
    runs_here curl "${get[@]}" "$versions"
    grep -q '<version>6.5</version>' warm.out
}
@test "a POST in a session" {
    log_in
    runs_here "${logging_in[@]}" --data-binary @name "$sdk"
    grep -q '>DC0_H0_VM0<' warm.out
}
@test "a large answer" {
    log_in
    runs_here "${logging_in[@]}" --data-binary @large "$sdk"
    [ "$(wc -c <warm.out)" -gt 50000 ]
}
@test "-v" {
    runs_here curl "${get[@]}" -v "$versions"
    grep -q '^> GET /sdk/vimServiceVersions.xml HTTP/1.1' warm.err
    grep -q '^< HTTP/1.1 200 OK' warm.err
    log_in
    runs_here "${logging_in[@]}" -v --data-binary @name "$sdk"
}
@test "-i, -D" {
    runs_here curl "${get[@]}" -i "$versions"
    grep -q '^HTTP/1.1 200 OK' warm.out
    runs_here curl "${get[@]}" -D /dev/stderr "$versions"
}
@test "-I" { runs curl "${get[@]}" -I "$versions"; }
@test "--compressed" {
    vcenter_control '/gzip?policy=never' >/dev/null
    runs_here curl "${get[@]}" --compressed -i "$versions"
    # What comes in another coding from vCenter is the same when it has been decoded.
    vcenter_control '/gzip?policy=always' >/dev/null
    runs_here curl "${get[@]}" --compressed "$versions"
    log_in
    runs_here "${logging_in[@]}" --compressed --data-binary @large "$sdk"
}
@test "a coding that nobody asked for is not given" {
    vcenter_control '/gzip?policy=always' >/dev/null
    cached first curl "${get[@]}" --compressed "$versions"
    plainly bare curl "${get[@]}" "$versions"
    cached second curl "${get[@]}" "$versions"
    same bare second
}
@test "gzip that is asked for by hand is not decoded" {
    vcenter_control '/gzip?policy=always' >/dev/null
    for run in plainly cached; do
        $run $run curl "${get[@]}" --header 'Accept-Encoding: gzip' "$versions"
        gunzip --stdout --force <$run.out >$run.text
    done
    [ "$(head -c 2 cached.out | od -An -tx1)" = ' 1f 8b' ]
    cmp plainly.text cached.text
}
@test "-o, --output-dir, --create-dirs, -O, -J" {
    runs_here curl "${get[@]}" -o made "$versions"
    runs_here curl "${get[@]}" --create-dirs --output-dir made-here -O "$versions" -o made-2 "$versions"
    runs_here curl "${get[@]}" --output-dir . -o made -J "$versions"
}
@test "-c, -b: a session in a file, from one process to the next" {
    local run
    for run in bare cold warm; do
        vcenter_reset
        if [ $run = bare ]; then step=plainly; else step=cached; fi
        $step $run-login curl "${soap[@]}" -c jar-$run --data-binary @login -o /dev/null -w '%{http_code}\n' "$sdk"
        $step $run-read curl "${soap[@]}" -b jar-$run -c jar-$run --data-binary @name "$sdk"
        $step $run-stranger curl "${soap[@]}" --data-binary @name "$sdk"
        sed -E -i 's/[0-9a-f]{40}/(a cookie)/' jar-$run
    done
    for step in login read stranger; do
        same bare-$step cold-$step
        same bare-$step warm-$step
    done
    diff jar-bare jar-cold
    diff jar-bare jar-warm
    grep -q '>DC0_H0_VM0<' warm-read.out
    # The stranger alone.
    [ "$(vcenter_count)" -eq 1 ]
}
@test "-b NAME=VALUE: a cookie by hand" {
    plainly login curl "${soap[@]}" -D - -o /dev/null --data-binary @login "$sdk"
    cookie=$(sed -n 's/^Set-Cookie: \([^;]*\);.*/\1/p' login.out)
    runs_here curl "${soap[@]}" -b "$cookie" --data-binary @name "$sdk"
    runs_here curl "${soap[@]}" -H "Cookie: $cookie" --data-binary @name "$sdk"
    grep -q '>DC0_H0_VM0<' warm.out
}
@test "-f, --fail-with-body" {
    runs curl "${soap[@]}" -f --data-binary @unknown "$sdk"
    [ "$(cat bare.status)" -eq 22 ]
    runs curl "${soap[@]}" --fail-with-body --data-binary @unknown "$sdk"
    runs_here curl "${get[@]}" -f "$versions"
}
@test "--max-filesize" {
    runs curl "${get[@]}" --max-filesize 100 "$versions"
    [ "$(cat bare.status)" -eq 63 ]
}
@test "-T -, as a POST" {
    log_in
    for run in bare cold warm; do
        if [ $run = bare ]; then step=plainly; else step=cached; fi
        vcenter_reset
        # What it is fed is of no known length: it goes out in chunks.
        $step $run bash -c 'curl "$@" <name' curl "${logging_in[@]:1}" -X POST -T - "$sdk"
    done
    same bare cold
    same bare warm
    grep -q '>DC0_H0_VM0<' warm.out
    origin_saw_nothing
}
@test "-T FILE, --data @-, --data-raw, -K, -X POST" {
    log_in
    runs_here "${logging_in[@]}" -X POST -T name "$sdk"
    runs_here "${logging_in[@]}" -X POST --data-raw "$(cat name)" "$sdk"
    printf 'url = "%s"\ndata-binary = "@name"\n' "$sdk" >config
    runs_here "${logging_in[@]}" -K config
}
@test "--next, --resolve, --connect-to" {
    log_in
    runs_here "${logging_in[@]}" --data-binary @name "$sdk" --next "${get[@]}" "$versions" \
        --next "${soap[@]}" --data-binary @content "$sdk"
    runs_here curl "${get[@]}" --resolve "vcenter.example.com:$VCENTER_PORT:$VCENTER_HOST" \
        "https://vcenter.example.com:$VCENTER_PORT/sdk/vimServiceVersions.xml"
    runs_here curl "${get[@]}" --connect-to "vcenter.example.com:443:$VCENTER_HOST:$VCENTER_PORT" \
        https://vcenter.example.com/sdk/vimServiceVersions.xml
}
@test "by a name that is not loopback's: the session is carried" {
    local name=https://vcenter.example.com:$VCENTER_PORT/sdk
    runs_here curl "${soap[@]}" --resolve "vcenter.example.com:$VCENTER_PORT:$VCENTER_HOST" --cookie '' --data-binary @login \
        --output /dev/null "$name" --next "${soap[@]}" --cookie '' --data-binary @name "$name"
    grep -q '>DC0_H0_VM0<' warm.out
    runs curl "${soap[@]}" --resolve "vcenter.example.com:$VCENTER_PORT:$VCENTER_HOST" --cookie '' --data-binary @login \
        --output /dev/null "$name" --next "${soap[@]}" --cookie '' --data-binary @unknown "$name"
    run ! grep -q NotAuthenticated warm.out
    [ "$(vcenter_operations)" = FrobnicateVM ]
}
@test "-Z: many at once" {
    local urls=() i
    for i in $(seq 20); do urls+=(-o "made-$i" "$versions"); done
    runs_here curl "${get[@]}" --no-progress-meter -Z "${urls[@]}"
    [ "$(find files-warm -type f | wc -l)" -eq 20 ]
    runs_here curl "${get[@]}" --no-progress-meter -Z --parallel-immediate --parallel-max 5 "${urls[@]}"
}
@test "several URLs, one after the other" { runs_here curl "${get[@]}" "$versions" "$versions" "$base/sdk/vimService.wsdl"; }
@test "-k" {
    runs_here curl --silent --show-error -k "$versions"
    # What was fetched so is not for those who look.
    cached refused curl --silent --show-error "$versions"
    [ "$(cat refused.status)" -eq 60 ]
}
@test "-A, -e, -H, -X, -G, -L, -N, -4, --http1.1, --http2, --tcp-nodelay, --no-keepalive, -m" {
    runs_here curl "${get[@]}" -A judge -e https://example.com/ -H 'X-More: 1' -X GET -L -N -4 "$versions"
    runs_here curl "${get[@]}" --http1.1 --tcp-nodelay --no-keepalive -m 20 "$versions"
    runs_here curl "${get[@]}" --http2 "$versions"
    runs curl "${get[@]}" -G -d a=b "$versions"
}
@test "-r, -z, -C" {
    runs curl "${get[@]}" -r 0-9 "$versions"
    runs curl "${get[@]}" -z 2020-01-01 "$versions"
    runs curl "${get[@]}" -C 10 "$versions"
}
@test "--retry: a 503 is asked again" {
    for run in plainly cached; do
        vcenter_control '/fail?status=503&operation=RetrieveServiceContent' >/dev/null
        $run $run curl "${soap[@]}" --retry 2 --retry-delay 1 --data-binary @content "$sdk"
    done
    same plainly cached
    grep -q RetrieveServiceContentResponse cached.out
}
@test "--trace-ascii, --trace" {
    for run in plainly cached cached-again; do
        vcenter_reset
        ${run%-again} $run curl "${get[@]}" --trace-ascii - -o /dev/null "$versions"
        # What was sent and received; of TLS and connections nothing.
        awk '/^(=>|<=) (Send|Recv) SSL|^== Info/ {wanted = 0; next} /^(=>|<=)/ {wanted = 1} wanted' $run.out |
            sed 's/Date: .*/Date:/' | sort >$run.trace
    done
    grep -q 'GET /sdk/vimServiceVersions.xml' plainly.trace
    diff plainly.trace cached.trace
    diff plainly.trace cached-again.trace
    origin_saw_nothing
}
@test "the progress meter ends at the whole" {
    for run in plainly cached cached-again; do
        ${run%-again} $run curl --cacert "$VCENTER_CA" -o made "$versions"
        # Its first three columns: percent, total, percent.
        tr '\r' '\n' <$run.err | tail -n 1 | awk '{print $1, $2, $3}' >$run.meter
        [ "$(cat $run.meter)" = '100 507 100' ]
    done
}

# ---- -w ------------------------------------------------------------------------------------------

stable='%{content_type} %{errormsg} %{exitcode} %{filename_effective} %{http_code} %{http_connect} %{http_version}
%{method} %{num_headers} %{num_redirects} %{proxy_ssl_verify_result} %{redirect_url} %{referer} %{remote_ip}
%{remote_port} %{response_code} %{scheme} %{size_download} %{size_header} %{size_request} %{size_upload} %{ssl_verify_result} %{url}
%{url_effective} %{urlnum} %header{content-type} %header{nothing}\n'
times='%{time_namelookup} %{time_connect} %{time_appconnect} %{time_pretransfer} %{time_starttransfer} %{time_total} %{speed_download} %{size_download}\n'

@test "-w: what does not change" {
    runs_here curl "${get[@]}" -o made -w "$stable" "$versions"
    grep -q ' 200 ' warm.out
    log_in
    runs_here "${logging_in[@]}" --data-binary @name -w "$stable" "$sdk" -w "$stable" "$sdk"
}
@test "-w %header{}, %{certs}, %{num_certs}" {
    runs_here curl "${get[@]}" -o made -w '%header{content-type} %header{content-length} %header{x}\n' "$versions"
    runs_here curl "${get[@]}" -o made -w '%{certs} %{num_certs}\n' "$versions"
}
@test "-w %{json} is whole" {
    for run in plainly cached cached-again; do
        ${run%-again} $run curl "${get[@]}" -o made -w '%{json}\n' "$versions"
        "$python" -c '
import json, sys
said = json.load(sys.stdin)
for name in sorted(said):
    if not name.startswith(("time_", "speed_", "local_", "num_connects")):
        print(name, said[name])' <$run.out >$run.said
    done
    diff plainly.said cached.said
    diff plainly.said cached-again.said
}
@test "-w: times follow each other, and the speed is that of the size" {
    for run in plainly cached cached-again; do
        ${run%-again} $run curl "${get[@]}" -o made -w "$times" "$versions"
        awk '{
            for (i = 2; i <= 6; i++) if ($i < $(i - 1)) exit 1
            if (NF != 8 || $1 <= 0 || $3 <= 0 || $6 > 10 || $8 != 507 || $7 < $8 / $6 / 2 || $7 > $8 / $6 * 2 + 1) exit 1
        }' $run.out || { cat $run.out && return 1; }
    done
}

# ---- the settings --------------------------------------------------------------------------------

@test "switched off, or another vCenter is selected: everything goes to vCenter" {
    local setting
    cached first curl "${get[@]}" "$versions"
    for setting in VCACHE_DISABLE=1 VCACHE_HOSTS='vc*.example.com'; do
        vcenter_reset
        cached off env "$setting" curl "${get[@]}" "$versions"
        same first off
        [ "$(vcenter_count)" -eq 1 ]
    done
}
@test "VCACHE_TTL=0: every read goes to vCenter, in the session of the first" {
    export VCACHE_TTL=0
    log_in
    runs "${logging_in[@]}" --data-binary @name "$sdk"
    [ "$(vcenter_operations)" = RetrievePropertiesEx ]
}
@test "VCACHE_STALE_IF_ERROR: while vCenter cannot answer, what is stale is answered" {
    local port
    export VCACHE_TTL=1 VCACHE_STALE_IF_ERROR=600
    another_vcenter own
    port=$VCENTER_PORT
    cached first curl -k --silent --show-error "https://$VCENTER_HOST:$port/sdk/vimServiceVersions.xml"
    grep -q '<version>6.5</version>' first.out
    until_clock $(($(now) + 1100))
    vcenter_stop
    cached stale curl -k --silent --show-error "https://$VCENTER_HOST:$port/sdk/vimServiceVersions.xml"
    same first stale
    VCACHE_STALE_IF_ERROR=0 cached refused curl -k --silent --show-error "https://$VCENTER_HOST:$port/sdk/vimServiceVersions.xml"
    [ "$(cat refused.status)" -eq 7 ]
}
