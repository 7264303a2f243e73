#!/usr/bin/env bats
# libcurl's own behaviour is the judge: whatever a program sets, its callbacks and curl_easy_getinfo say the same without
# the shim, with a cold cache and with a warm one.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/libcurl.bash"
vcenter_options=(--vms 10 --name vcenter.example.com)

versions=pass:/sdk/vimServiceVersions.xml

@test "a stranger's question, and the login" {
    judged_here ask:content perform perform
    judged ask:login quietly perform
}
@test "a read" {
    logged_in_here perform
    grep -q '>DC0_H0_VM0<' bare.out
}
@test "a large one, in pieces" {
    logged_in_here ask:large perform
    grep -q '^  body [0-9]* bytes, ' bare.out
}
@test "several, one after the other" { logged_in_here perform ask:names perform ask:large perform perform ask:name perform; }
@test "what is live is asked of vCenter, with the session that was lent" {
    logged_in ask:unknown perform
    [ "$(vcenter_operations)" = FrobnicateVM ]
    logged_in perform ask:unknown perform ask:name perform
}
@test "the logout" { logged_in_here perform ask:logout quietly; }
@test "what comes after the logout is refused" { logged_in ask:logout quietly ask:name perform; }

# ---- the request ---------------------------------------------------------------------------------

@test "COPYPOSTFIELDS" { logged_in_here COPYPOSTFIELDS=@names perform; }
@test "POSTFIELDSIZE and POSTFIELDSIZE_LARGE" {
    logged_in_here POSTFIELDSIZE=-1 perform
    logged_in_here POSTFIELDSIZE_LARGE=-1 perform
    # A part of a message is another message, and no SOAP.
    logged_in POSTFIELDSIZE=300 perform
    logged_in POSTFIELDSIZE_LARGE=300 perform
    logged_in POSTFIELDSIZE=300 COPYPOSTFIELDS=@name perform
}
@test "POST and READFUNCTION" {
    logged_in_here 'POSTFIELDS=(null)' POST=1 POSTFIELDSIZE=496 READFUNCTION=0:@name perform
    logged_in_here 'POSTFIELDS=(null)' POST=1 POSTFIELDSIZE=496 READFUNCTION=7:@name perform
}
@test "POST and READFUNCTION in chunks" {
    logged_in_here 'POSTFIELDS=(null)' POST=1 'HTTPHEADER=+Transfer-Encoding: chunked' READFUNCTION=100:@name perform
}
@test "a READFUNCTION that pauses" {
    logged_in_here XFERINFOFUNCTION=on 'POSTFIELDS=(null)' POST=1 POSTFIELDSIZE=496 READFUNCTION=pause:1@name perform
}
@test "UPLOAD, as a POST" {
    logged_in_here 'POSTFIELDS=(null)' UPLOAD=1 CUSTOMREQUEST=POST INFILESIZE=496 READFUNCTION=0:@name perform
}
@test "Expect: 100-continue" { logged_in_here 'HTTPHEADER=+Expect: 100-continue' perform; }
@test "HTTPGET" { judged_here $versions HTTPGET=1 perform; }
@test "HTTPGET after a POST" { logged_in_here perform $versions HTTPGET=1 perform; }
@test "NOBODY" { judged $versions HTTPGET=1 perform NOBODY=1 perform NOBODY=0 HTTPGET=1 perform; }
@test "CUSTOMREQUEST" {
    logged_in_here CUSTOMREQUEST=POST perform
    logged_in CUSTOMREQUEST=PUT perform
}
@test "HTTPHEADER: more of them, others, none" {
    logged_in_here 'HTTPHEADER=+X-Request: 1|Accept: text/xml' perform
    logged_in_here 'HTTPHEADER=Content-Type:|Accept:|SOAPAction: urn:vim25/6.0' perform
    logged_in_here 'HTTPHEADER=Content-Type: text/xml' perform
}
@test "USERAGENT, REFERER" { logged_in_here USERAGENT=judge/1 REFERER=https://example.com/ perform; }
@test "RANGE" { logged_in perform RANGE=0-99 perform 'RANGE=(null)' perform; }
@test "HTTP_VERSION" {
    logged_in_here HTTP_VERSION=2 perform
    logged_in_here HTTP_VERSION=3 perform
    logged_in_here HTTP_VERSION=4 perform
    # What is stored is said in HTTP/1.1: a client of 1.0 can read it (RFC 9110, 2.5).
    logged_in HTTP_VERSION=1 quietly
}
@test "USERPWD" { logged_in USERPWD=somebody:else perform HTTPAUTH=-17 perform; }
@test "TIMECONDITION" { logged_in TIMECONDITION=1 TIMEVALUE=1700000000 perform; }
@test "another path" { judged pass:/ HTTPGET=1 perform pass:/nothing perform; }
@test "FOLLOWLOCATION, MAXREDIRS, AUTOREFERER, POSTREDIR" {
    logged_in_here FOLLOWLOCATION=1 MAXREDIRS=3 AUTOREFERER=1 POSTREDIR=7 perform
}
@test "PROTOCOLS_STR, REDIR_PROTOCOLS_STR, DEFAULT_PROTOCOL" {
    logged_in_here PROTOCOLS_STR=https REDIR_PROTOCOLS_STR=https perform
    logged_in PROTOCOLS_STR=http perform
    logged_in DEFAULT_PROTOCOL=https "URL=$VCENTER_HOST:$VCENTER_PORT/sdk" perform
}
@test "PORT, PATH_AS_IS, REQUEST_TARGET" {
    logged_in "URL=https://$VCENTER_HOST/sdk" "PORT=$VCENTER_PORT" perform
    logged_in_here PATH_AS_IS=1 perform
    logged_in "URL=https://$VCENTER_HOST:$VCENTER_PORT/nothing" REQUEST_TARGET=/sdk perform
}
@test "a URL with a user, a fragment, capitals" {
    logged_in_here "URL=HTTPS://$VCENTER_HOST:$VCENTER_PORT/sdk#there" perform
    logged_in "URL=https://me:too@$VCENTER_HOST:$VCENTER_PORT/sdk" perform
}
@test "no URL, and one that is none" {
    judged 'URL=(null)' perform
    judged 'URL=https://' perform
    judged URL=nothing://vcenter/sdk perform
}

# ---- cookies -------------------------------------------------------------------------------------

@test "the cookie engine: COOKIELIST, COOKIE, COOKIEFILE, COOKIEJAR" {
    logged_in perform COOKIELIST=ALL perform
    logged_in perform COOKIELIST=SESS perform
    logged_in_here 'COOKIE=another=1; third=3' perform
    logged_in_here COOKIELIST='Set-Cookie: mine=1; path=/sdk' perform
    judged "COOKIEJAR=$BATS_TEST_TMPDIR/jar" ask:login quietly ask:name perform
}
@test "the cookie engine was never turned on: nobody is logged in" {
    judged 'COOKIEFILE=(null)' ask:login quietly ask:name perform
}
@test "by a name that is not loopback's, where a Secure cookie is for TLS alone" {
    export JUDGE_NAME=vcenter.example.com
    logged_in_here perform ask:large perform
    logged_in perform ask:unknown perform
    ! grep -q NotAuthenticated bare.out
}
@test "a share: cookies of one handle for the other" {
    judged_here share ask:login quietly new ask:name perform ask:large perform use:0 ask:name perform
    judged share ask:login quietly new ask:unknown perform
    ! grep -q NotAuthenticated bare.out
}
@test "without one, another handle is a stranger" { judged ask:login quietly perform new ask:name perform; }

# ---- the response --------------------------------------------------------------------------------

@test "HEADER" { logged_in_here HEADER=1 perform ask:large perform; }
@test "HEADERFUNCTION: none, or that of the body" {
    logged_in_here HEADERFUNCTION=none perform
    logged_in_here HEADERFUNCTION=write perform
}
@test "HEADERFUNCTION that aborts" {
    logged_in HEADERFUNCTION=abort:1 perform
    logged_in HEADERFUNCTION=abort:2 perform
    grep -q '^result 23, ' bare.out
}
@test "WRITEFUNCTION that takes less, and what comes after it" {
    logged_in WRITEFUNCTION=short:1 perform WRITEFUNCTION=short:0 perform
    grep -q '^result 23, ' bare.out
    logged_in WRITEFUNCTION=error:1 perform
}
@test "WRITEFUNCTION that pauses" {
    logged_in_here XFERINFOFUNCTION=on WRITEFUNCTION=pause:1 perform
    logged_in_here XFERINFOFUNCTION=on ask:large WRITEFUNCTION=pause:2 perform
}
@test "WRITEFUNCTION that performs another handle" {
    logged_in_here WRITEFUNCTION=perform:1 perform
    grep -q '^  in the callback, another: result 0, ' bare.out
}
@test "XFERINFOFUNCTION, PROGRESSFUNCTION" {
    logged_in_here XFERINFOFUNCTION=on perform ask:large perform
    logged_in_here PROGRESSFUNCTION=on perform ask:large perform
    logged_in XFERINFOFUNCTION=abort:1 perform
    grep -q '^result 42, ' bare.out
}
@test "DEBUGFUNCTION" {
    logged_in_here DEBUGFUNCTION=on perform
    grep -q '^  debug sent:' bare.out
}
@test "PREREQFUNCTION" {
    logged_in PREREQFUNCTION=ok perform
    logged_in PREREQFUNCTION=deny perform
    grep -q '^result 42, ' bare.out
}
@test "FAILONERROR" {
    logged_in FAILONERROR=1 ask:unknown perform
    grep -q '^result 22, ' bare.out
    logged_in FAILONERROR=1 KEEP_SENDING_ON_ERROR=1 ask:missing perform
    logged_in_here FAILONERROR=1 perform
}
@test "MAXFILESIZE, MAXFILESIZE_LARGE" {
    logged_in MAXFILESIZE=100 perform
    grep -q '^result 63, ' bare.out
    logged_in MAXFILESIZE_LARGE=1000 ask:large perform
    logged_in_here MAXFILESIZE=1000000 perform
}
@test "BUFFERSIZE" {
    logged_in_here BUFFERSIZE=1024 ask:large perform
    logged_in_here BUFFERSIZE=524288 ask:large perform
}
@test "IGNORE_CONTENT_LENGTH, HTTP09_ALLOWED" { logged_in_here HTTP09_ALLOWED=1 perform; }
@test "FILETIME, CERTINFO" {
    logged_in_here FILETIME=1 perform
    judged CERTINFO=1 ask:content perform
}

# ---- trust ---------------------------------------------------------------------------------------

@test "SSL_VERIFYPEER, SSL_VERIFYHOST" {
    judged_here SSL_VERIFYPEER=0 SSL_VERIFYHOST=0 ask:login quietly ask:name quietly
    # Who asks what the verification would have said is told so by vCenter.
    judged SSL_VERIFYPEER=0 SSL_VERIFYHOST=0 ask:login quietly ask:name perform
    judged_here SSL_VERIFYHOST=0 ask:login quietly ask:name perform
}
@test "CAINFO_BLOB" {
    flavours=(judge) # the other has none
    judged_here 'CAINFO=(null)' "CAINFO_BLOB=$VCENTER_CA" ask:login quietly ask:name perform
}
@test "CAPATH" {
    mkdir path
    cp "$VCENTER_CA" path/
    openssl rehash path
    judged_here 'CAINFO=(null)' "CAPATH=$BATS_TEST_TMPDIR/path" ask:login quietly ask:name perform
}
@test "no trust: refused, whatever others have stored" {
    judged 'CAINFO=(null)' ask:content perform
    grep -q '^result 60, ' bare.out
    cached stored "$clients/judge" ask:content perform
    cached unverified "$clients/judge" SSL_VERIFYPEER=0 SSL_VERIFYHOST=0 ask:content perform
    plainly bare "$clients/judge" 'CAINFO=(null)' ask:content perform
    cached refused "$clients/judge" 'CAINFO=(null)' ask:content perform
    same bare refused
}
@test "another CA: refused, whatever others have stored" {
    local ca=$VCENTER_CA
    another_vcenter other
    export VCENTER_CA
    use_vcenter "$BATS_FILE_TMPDIR/vcenter"
    cached stored "$clients/judge" ask:content perform
    [ "$VCENTER_CA" = "$ca" ]
    plainly bare "$clients/judge" "CAINFO=$BATS_TEST_TMPDIR/other/ca.pem" ask:content perform
    grep -q '^result 60, ' bare.out
    cached refused "$clients/judge" "CAINFO=$BATS_TEST_TMPDIR/other/ca.pem" ask:content perform
    same bare refused
}
@test "another name than the certificate's: refused, whatever others have stored" {
    cached stored "$clients/judge" SSL_VERIFYHOST=0 ask:content perform
    for judge in "${flavours[@]}"; do
        JUDGE_NAME=elsewhere.example.com plainly bare "$clients/$judge" ask:content perform
        JUDGE_NAME=elsewhere.example.com cached lax "$clients/$judge" SSL_VERIFYHOST=0 ask:content perform
        grep -q '^result 0, ' lax.out
        JUDGE_NAME=elsewhere.example.com cached refused "$clients/$judge" ask:content perform
        same bare refused
        grep -q '^result 60, ' refused.out
    done
}
@test "PINNEDPUBLICKEY: the right one, and a wrong one, whatever others have stored" {
    local pin
    pin=$(openssl x509 -in "$VCENTER_DIR/server.pem" -noout -pubkey | openssl pkey -pubin -outform der |
        openssl dgst -sha256 -binary | base64)
    judged_here "PINNEDPUBLICKEY=sha256//$pin" ask:content perform
    cached stored "$clients/judge" ask:content perform
    judged "PINNEDPUBLICKEY=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" ask:content perform
    grep -q '^result 90, ' bare.out
}
@test "SSLVERSION, SSL_CIPHER_LIST, SSL_OPTIONS, SSL_SESSIONID_CACHE" {
    judged_here SSLVERSION=6 SSL_SESSIONID_CACHE=0 ask:content perform
    judged SSLVERSION=393216 ask:content perform
}
@test "a setting that cannot work" {
    judged CAINFO=/nowhere/ca.pem ask:content perform
    judged SSLCERT=/nowhere/client.pem ask:content perform
}

# ---- where to ------------------------------------------------------------------------------------

@test "RESOLVE, CONNECT_TO" {
    JUDGE_NAME=vcenter.example.com judged_here ask:content perform
    judged_here "URL=https://vcenter.example.com:$VCENTER_PORT/sdk" "CONNECT_TO=vcenter.example.com::$VCENTER_HOST:$VCENTER_PORT" \
        ask:content perform
}
@test "a host that is not there" {
    judged URL=https://127.0.0.1:1/sdk ask:content perform
    grep -q '^result 7, ' bare.out
    judged URL=https://nowhere.invalid/sdk ask:content perform
    grep -q '^result 6, ' bare.out
}
@test "a proxy that is not there" {
    logged_in PROXY=http://127.0.0.1:1 perform
    https_proxy=http://127.0.0.1:1 judged ask:content perform
    logged_in_here PROXY=http://127.0.0.1:1 'NOPROXY=*' perform
    http_proxy=http://127.0.0.1:1 judged_here ask:content perform
}
@test "INTERFACE, LOCALPORT, TCP_NODELAY, TCP_KEEPALIVE, IPRESOLVE" {
    judged INTERFACE=lo ask:content perform
    judged_here TCP_NODELAY=0 TCP_KEEPALIVE=1 IPRESOLVE=1 ask:content perform
}
@test "FRESH_CONNECT, FORBID_REUSE, MAXCONNECTS" {
    logged_in FRESH_CONNECT=1 perform perform
    logged_in FORBID_REUSE=1 perform perform
    logged_in MAXCONNECTS=1 perform perform
}

# ---- time ----------------------------------------------------------------------------------------

@test "TIMEOUT_MS: a vCenter that takes longer" {
    vcenter_control '/delay?ms=5000&operation=RetrieveServiceContent' >/dev/null
    judged TIMEOUT_MS=300 ask:content quietly
    grep -q '^result 28, ' bare.out
}
@test "TIMEOUT_MS, CONNECTTIMEOUT, LOW_SPEED_TIME that are long enough" {
    logged_in_here TIMEOUT_MS=20000 CONNECTTIMEOUT=20 LOW_SPEED_LIMIT=10 LOW_SPEED_TIME=20 perform
}
@test "MAX_RECV_SPEED_LARGE" { logged_in MAX_RECV_SPEED_LARGE=200000 ask:large perform; }

# ---- writes --------------------------------------------------------------------------------------

# is_a_write STEP…: after it, whoever reads is told the new name; and nobody is told anything by a handle that it came from.
is_a_write() {
    local judge
    for judge in "${flavours[@]}"; do
        rm -rf "$VCACHE_DIR"
        cached before "$clients/$judge" ask:login quietly ask:name perform
        grep -q '>DC0_H0_VM0<' before.out
        JUDGE_NEW_NAME=renamed cached write "$clients/$judge" ask:login quietly "$@"
        cached after "$clients/$judge" ask:login quietly ask:name perform
        JUDGE_NEW_NAME=DC0_H0_VM0 plainly back "$clients/$judge" ask:login quietly ask:rename quietly
        grep -q '>renamed<' after.out || { echo "$judge" && return 1; }
    done
}

@test "a write: the next read of any process is true" { is_a_write ask:rename quietly; }
@test "a write by COPYPOSTFIELDS, READFUNCTION, in chunks, in a form" {
    is_a_write MIMEPOST=@rename quietly
    is_a_write HTTPPOST=@rename quietly
    is_a_write COPYPOSTFIELDS=@rename quietly
    is_a_write 'POSTFIELDS=(null)' POST=1 'HTTPHEADER=+Transfer-Encoding: chunked' READFUNCTION=50:@rename quietly
}
@test "a write by a handle that is not otherwise seen to: a port of its own, no scheme, verbose, a proxy for others" {
    is_a_write "URL=https://$VCENTER_HOST/sdk" "PORT=$VCENTER_PORT" ask:rename quietly
    is_a_write DEFAULT_PROTOCOL=https "URL=$VCENTER_HOST:$VCENTER_PORT/sdk" ask:rename quietly
    is_a_write "URL=https://me:too@$VCENTER_HOST:$VCENTER_PORT/sdk" ask:rename quietly
    is_a_write DEBUGFUNCTION=on ask:rename quietly
    is_a_write PREREQFUNCTION=ok ask:rename quietly
    is_a_write INTERFACE=lo ask:rename quietly
    is_a_write CERTINFO=1 ask:rename quietly
    is_a_write FRESH_CONNECT=1 FORBID_REUSE=1 ask:rename quietly
}
@test "a write whose answer is not waited for" {
    is_a_write WRITEFUNCTION=short:1 ask:rename quietly
    is_a_write HEADERFUNCTION=abort:1 ask:rename quietly
    is_a_write by:poll WRITEFUNCTION=pause:1 ask:rename drop
}

# ---- the life of a handle ------------------------------------------------------------------------

@test "reset" { logged_in_here perform USERAGENT=judge/1 HEADER=1 perform reset ask:name perform; }
@test "duphandle: without the session, and with it where it is shared" {
    logged_in perform dup perform dup ask:large perform use:0 ask:name perform
    judged_here share ask:login quietly ask:name perform dup perform dup ask:large perform use:0 ask:name perform
}
@test "cleanup, and the next handle" { logged_in_here perform cleanup new ask:login quietly ask:name perform; }
@test "CONNECT_ONLY" { judged CONNECT_ONLY=1 quietly; }
@test "what fails, and works again" {
    logged_in_here perform URL=https://127.0.0.1:1/sdk quietly "URL=https://$VCENTER_HOST:$VCENTER_PORT/sdk" quietly
}

@test "the names of links that a killed process has left behind" {
    mkdir -m 700 "$VCACHE_DIR"
    for name in link.4194305.1 link.4194305.2 link.$$.3; do
        "$python" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$VCACHE_DIR/$name"
    done
    touch "$VCACHE_DIR/link.4194305.4"
    # As long as it takes a process to connect to its own, whoever made it lives.
    touch -d '2 minutes ago' "$VCACHE_DIR"/link.*.[134]
    cached sweeper "$clients/judge" ask:content quietly
    grep -q '^result 0, ' sweeper.out
    diff <(cd "$VCACHE_DIR" && printf '%s\n' link.*) <(printf '%s\n' link.4194305.2 link.4194305.4 "link.$$.3" | sort)
}

# ---- vCenter in trouble --------------------------------------------------------------------------

# On a connection of its own: over one that was used before, libcurl would ask again.
@test "a 503, a response that breaks off, a connection that is reset" {
    local trouble judge
    for trouble in 'status=503' 'truncate=1' 'reset=1' 'before=1'; do
        for judge in "${flavours[@]}"; do
            vcenter_control "/fail?$trouble&operation=FrobnicateVM" >/dev/null
            plainly bare "$clients/$judge" ask:login quietly FRESH_CONNECT=1 ask:unknown perform
            cached lender "$clients/$judge" ask:login quietly
            vcenter_control "/fail?$trouble&operation=FrobnicateVM" >/dev/null
            cached run "$clients/$judge" ask:login quietly FRESH_CONNECT=1 ask:unknown perform
            sed -i '/^  OS_ERRNO /d' bare.out run.out # in which call it came to light
            same bare run || { echo "$trouble, by $judge" && return 1; }
        done
    done
}
