#!/usr/bin/env bats
# A warm run does not touch the network: connections are put off until a request must go out. Until then the program
# sees what it would see of a real one. (Whether it accepts the certificate: deferred-trust.bats; when the connection cannot
# be had: deferred-failures.bats.)

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2119
bats_require_minimum_version 1.8.0

source "$BATS_TEST_DIRNAME/deferred.bash"

# traced NAME COMMAND…: a cached run, with every connect that it makes in the file NAME.trace. (To find out its own
# address, libc connects sockets for UDP; that sends nothing.)
traced() {
    local name=$1
    shift
    # Debian's strace follows children; the wrapper's own work is seen, too.
    cached "$name" strace -f -qq -yy -e trace=connect,sendto,sendmsg -o "$BATS_TEST_TMPDIR/$name.trace" "$@"
}

# touches_nothing_when_warm COMMAND…: verified and not, the warm run is the bare one's equal and opens no connection.
touches_nothing_when_warm() {
    local insecure
    for insecure in '' 1; do
        rm -rf "$VCACHE_DIR"
        export VCENTER_INSECURE=$insecure LOOK_INSECURE=$insecure
        plainly bare "$@"
        went_well bare
        cached cold "$@"
        same bare cold
        vcenter_reset
        zero
        traced warm "$@"
        same bare warm
        origin_was_not_asked
        untouched
        grep -q . warm.trace
        run ! grep "TCP.*sin6\?_port=htons($VCENTER_PORT)" warm.trace
        [ "$(connection deferred)" -gt 0 ]
        connected "deferred $(connection deferred)"
    done
}

# ---- no packet -----------------------------------------------------------------------------------

@test "pyVmomi" { touches_nothing_when_warm "$python" "$scripts/inventory.py"; }
@test "rbvmomi" { touches_nothing_when_warm ruby "$scripts/inventory.rb"; }
@test "Perl, a connection for each request" { touches_nothing_when_warm perl "$scripts/inventory.pl"; }
@test "Perl, one that is kept" { touches_nothing_when_warm perl "$scripts/inventory.pl" --keep-alive; }
@test "Python's requests, with a pool" { touches_nothing_when_warm "$python" "$scripts/with-requests.py"; }
@test "http.client" { touches_nothing_when_warm "$python" "$scripts/ask.py" get:/sdk/vimServiceVersions.xml login logout; }
@test "PHP, one connection" {
    php -r "exit(extension_loaded('soap') ? 0 : 1);" || skip "php-soap is not there"
    touches_nothing_when_warm php "$scripts/inventory.php"
}
@test "PHP, a connection for each request" {
    php -r "exit(extension_loaded('soap') ? 0 : 1);" || skip "php-soap is not there"
    touches_nothing_when_warm php "$scripts/inventory.php" --close
}

# bats file_tags=sanitized

@test "by name, and over IPv6" {
    export VCENTER_HOST=localhost
    touches_nothing_when_warm "$python" "$look" read
    another_vcenter own --listen '[::1]:0'
    touches_nothing_when_warm "$python" "$look" read
}

@test "a program in C, in every manner" {
    local manner
    for manner in blocking ex select pselect poll ppoll level edge oneshot peek close close-late tiny large moving \
        renumbered; do
        plainly bare "$client" "$manner"
        went_well bare
        cached cold "$client" "$manner"
        same bare cold
        vcenter_reset
        zero
        cached warm "$client" "$manner"
        same bare warm
        untouched
    done
}

@test "a connection whose descriptor gets another number" {
    plainly bare "$client" renumbered
    went_well bare
    cached cold "$client" blocking
    zero
    VCACHE_TTL=0 cached warm "$client" renumbered
    same bare warm
    connected 'deferred 1' 'needed 1'
}

@test "two hundred connections at once" {
    plainly bare "$python" "$scripts/many-connections.py" 200
    cached cold "$python" "$scripts/many-connections.py" 1
    vcenter_reset
    zero
    cached warm "$python" "$scripts/many-connections.py" 200
    same bare warm
    untouched
    connected 'deferred 200'
    "$build/vcache-stat" | grep -q '^Connections avoided  *200$'
}

@test "threads that share a context" {
    plainly bare "$client" blocking 16
    cached cold "$client" blocking
    cached cold "$client" blocking 16
    warm() {
        vcenter_reset
        cached warm "$client" blocking 16
    }
    undisturbed warm
    same bare warm
    untouched
}

# ---- what is seen of it --------------------------------------------------------------------------

# looks_the_same: on a real connection, on one that was put off, and on that when it has become real.
looks_the_same() {
    plainly bare "$python" "$look" read look
    went_well bare
    cached cold "$python" "$look" read look
    same bare cold
    zero
    cached warm "$python" "$look" read look
    same bare warm
    connected 'deferred 1'
    plainly bare "$python" "$look" read look write look
    cached mixed "$python" "$look" read look write look
    same bare mixed
    connected 'deferred 2' 'needed 1'
}

@test "what Python tells of it is the same as of a real one" { looks_the_same; }
@test "the same, not verified" { LOOK_INSECURE=1 looks_the_same; }
@test "the same, by name" { VCENTER_HOST=localhost looks_the_same; }
@test "the same, with application protocols" { LOOK_ALPN=h2,http/1.1 looks_the_same; }
@test "the same, with a time-out" { LOOK_TIMEOUT=20 looks_the_same; }
@test "the same, on a socket that never blocks" { LOOK_NONBLOCKING=1 looks_the_same; }
@test "the same, over IPv6" {
    another_vcenter own --listen '[::1]:0'
    looks_the_same
}

@test "what Ruby tells of it is the same" {
    plainly bare ruby "$scripts/look.rb" read look
    went_well bare
    cached cold ruby "$scripts/look.rb" read look
    same bare cold
    vcenter_reset
    cached warm ruby "$scripts/look.rb" read look
    same bare warm
    untouched
}

@test "another offer in the greeting is another question" {
    cached cold "$python" "$look" read
    zero
    LOOK_ALPN=http/1.1 cached other "$python" "$look" read
    connected 'unlearned 1'
    zero
    LOOK_ALPN=http/1.1 cached again "$python" "$look" read
    cached first "$python" "$look" read
    connected 'deferred 2'
}

@test "a hit, a miss, a hit on one connection" {
    plainly bare "$python" "$look" read wsdl write read look
    cached cold "$python" "$look" read
    vcenter_reset
    zero
    cached mixed "$python" "$look" read wsdl write read look
    same bare mixed
    [ "$(vcenter_connections)" -eq 1 ]
    connected 'deferred 1' 'needed 1'
}

@test "the end of TLS is as it was" {
    plainly bare "$python" "$look" read unwrap
    cached cold "$python" "$look" read unwrap
    same bare cold
    vcenter_reset
    cached warm "$python" "$look" read unwrap
    same bare warm
    untouched
}

@test "who ends TLS and waits for the peer to do so sees that at once, and can write no more" {
    local how
    cat >end.pl <<'END'
use IO::Select;
use IO::Socket::INET;
use Net::SSLeay;
my ($how, $at) = ($ARGV[0], "$ENV{VCENTER_HOST}:$ENV{VCENTER_PORT}");
my $request = "GET /sdk/vimServiceVersions.xml HTTP/1.1\r\nHost: $at\r\n\r\n";
my $context = Net::SSLeay::CTX_new();
my $socket = IO::Socket::INET->new($at) or die "$!";
my $ssl = Net::SSLeay::new($context);
Net::SSLeay::set_fd($ssl, fileno $socket);
Net::SSLeay::connect($ssl) == 1 or die;
if ($how =~ /asks/) {
    Net::SSLeay::write($ssl, $request);
    my $answer = '';
    $answer .= Net::SSLeay::read($ssl) until $answer =~ m{</namespaces>};
}
Net::SSLeay::set_quiet_shutdown($ssl, 1) if $how =~ /quiet/;
$socket->blocking(0) if $how =~ /waits/;
print 'shutdown ', Net::SSLeay::shutdown($ssl), ' ', Net::SSLeay::get_shutdown($ssl), "\n";
sub said { my $result = shift; print "$how $result ", Net::SSLeay::get_error($ssl, $result), ' ', Net::SSLeay::get_shutdown($ssl), "\n" }
if ($how =~ /writes/) {
    said(Net::SSLeay::write($ssl, $request));
    print Net::SSLeay::ERR_error_string(Net::SSLeay::ERR_get_error()), "\n";
} elsif ($how !~ /quiet/) {
    my ($bytes, $result);
    print IO::Select->new($socket)->can_read(20) ? "woken\n" : "not woken\n" if $how =~ /polls/;
    do {
        ($bytes, $result) = Net::SSLeay::read($ssl);
    } while ($result < 0 && $how =~ /waits/ && Net::SSLeay::get_error($ssl, $result) == 2);
    said($result);
}
END
    plainly cold perl end.pl asks-reads
    cached cold perl end.pl asks-reads
    for how in reads asks-reads polls asks-polls asks-waits-reads writes asks-writes quiet asks-quiet; do
        plainly bare perl end.pl "$how"
        went_well bare
        vcenter_reset
        zero
        patience=30 cached warm perl end.pl "$how"
        same bare warm
        untouched
        connected 'deferred 1'
    done
}

@test "what only the peer can say makes the connection" {
    plainly bare "$python" "$look" read binding read
    cached cold "$python" "$look" read
    vcenter_reset
    zero
    cached warm "$python" "$look" read binding read
    same bare warm
    [ "$(vcenter_connections)" -eq 1 ]
    connected 'deferred 1' 'touched 1'
}

@test "so does what the two ends agree on for its keys" {
    local command
    cat >keys.pl <<'END'
use IO::Socket::INET;
use Net::SSLeay;
my $at = "$ENV{VCENTER_HOST}:$ENV{VCENTER_PORT}";
my $socket = IO::Socket::INET->new($at) or die "$!";
my $ssl = Net::SSLeay::new(Net::SSLeay::CTX_new());
Net::SSLeay::set_fd($ssl, fileno $socket);
Net::SSLeay::connect($ssl) == 1 or die;
# SSL_get_secure_renegotiation_support, SSL_get_extms_support, SSL_get_negotiated_group
print Net::SSLeay::ctrl($ssl, $ARGV[0], 0, 0), "\n" if @ARGV;
Net::SSLeay::write($ssl, "GET /sdk/vimServiceVersions.xml HTTP/1.1\r\nHost: $at\r\n\r\n");
my $answer = '';
$answer .= Net::SSLeay::read($ssl) until $answer =~ m{</namespaces>};
print "answered\n";
END
    cached cold perl keys.pl
    for command in 76 122 134; do
        plainly bare perl keys.pl "$command"
        went_well bare
        vcenter_reset
        zero
        cached warm perl keys.pl "$command"
        same bare warm
        [ "$(vcenter_connections)" -eq 1 ]
        connected 'deferred 1' 'touched 1'
    done
}

@test "traffic that is not vSphere's makes the connection" {
    plainly bare "$python" "$look" other
    cached cold "$python" "$look" read
    vcenter_reset
    zero
    cached warm "$python" "$look" other
    same bare warm
    [ "$(vcenter_count 'GET /')" -eq 1 ]
    connected 'deferred 1' 'needed 1'
}

@test "bytes past TLS reach the peer" {
    cached cold "$python" "$look" read
    vcenter_reset
    zero
    cached warm "$python" -c "
import os, socket
s = socket.create_connection((os.environ['VCENTER_HOST'], int(os.environ['VCENTER_PORT'])))
import ssl
s.sendall(b'GET / HTTP/1.0\r\n\r\n')
print(s.recv(99).split(b'\r\n')[0].decode())"
    [ "$(said warm)" = 'HTTP/1.0 400 Bad Request' ]
    [ "$(vcenter_connections)" -eq 1 ]
}

@test "who uses the socket past TLS goes on with TLS afterwards" {
    local how
    cached cold "$python" "$look" read
    for how in nothing passed; do
        plainly bare "$python" "$look" read "$how" read write look
        went_well bare
        zero
        cached warm "$python" "$look" read "$how" read write look
        same bare warm
        connected 'bare 1' 'deferred 1' 'needed 1'
        "$build/vcache-flush" >/dev/null
        cached cold "$python" "$look" read
    done
}

@test "the duplicate of a descriptor is the same connection" {
    plainly bare "$python" "$look" dup read look write
    cached cold "$python" "$look" read
    zero
    cached warm "$python" "$look" dup read look write
    same bare warm
    connected 'deferred 1' 'needed 1'
}

@test "a program that is started meanwhile inherits it, and nothing is different" {
    plainly bare "$python" "$look" inherit read look write read
    cached cold "$python" "$look" read
    vcenter_reset
    cached warm "$python" "$look" inherit read look
    went_well warm
    untouched
    zero
    cached mixed "$python" "$look" inherit read look write read
    same bare mixed
    connected 'deferred 1' 'needed 1'
}

# bats file_tags=

# ---- many processes ------------------------------------------------------------------------------

# bats test_tags=sanitized
@test "a child that was forked, and its parent after it" {
    cached cold "$python" "$look" read
    vcenter_reset
    cached warm "$python" "$look" open fork read look
    went_well warm
    untouched
    [ "$(grep -c '^read 200' warm.out)" -eq 2 ]
    plainly bare "$python" "$look" read fork close read write
    cached forked "$python" "$look" read fork close read write
    same bare forked
}

@test "valgrind finds nothing" {
    local patience=400 manner checked=(valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite
        --errors-for-leak-kinds=definite)
    cached cold "$client" blocking
    cached cold "$client" blocking 16
    for manner in blocking 'blocking 16' edge renumbered; do
        # shellcheck disable=SC2086 # words of a command
        plainly bare "$client" $manner
        went_well bare
        # shellcheck disable=SC2086 # likewise
        cached warm "${checked[@]}" "$client" $manner
        same bare warm
    done
    # Each connection is made.
    VCACHE_TTL=0 cached mixed "${checked[@]}" "$client" blocking 16
    plainly bare "$client" blocking 16
    same bare mixed
    "$build/vcache-flush" >/dev/null
    plainly bare "$client" close
    cached cold "${checked[@]}" "$client" close
    same bare cold
}

@test "valgrind finds nothing in a child that was forked, nor in its parent" {
    # What Python itself loses is not looked for.
    local patience=400 checked=(env PYTHONMALLOC=malloc valgrind --quiet --error-exitcode=99)
    cached cold "$python" "$look" read
    cached warm "${checked[@]}" "$python" "$look" open fork read look
    went_well warm
    [ "$(grep -c '^read 200' warm.out)" -eq 2 ]
}

@test "valgrind finds nothing with two hundred connections at once" {
    local patience=400
    cached cold "$python" "$scripts/many-connections.py" 1
    zero
    plainly bare "$python" "$scripts/many-connections.py" 200
    cached warm env PYTHONMALLOC=malloc valgrind --quiet --error-exitcode=99 "$python" "$scripts/many-connections.py" 200
    same bare warm
    connected 'deferred 200'
}

# ---- when it is not done -------------------------------------------------------------------------

# is_eager [VARIABLE=VALUE…]: the connection is made when the program says.
is_eager() {
    cached cold "$python" "$look" read
    vcenter_reset
    zero
    cached warm env "$@" "$python" "$look" read
    same cold warm
    [ "$(vcenter_connections)" -eq 1 ]
    connected
}

@test "VCACHE_CONNECT=eager" { is_eager VCACHE_CONNECT=eager; }
@test "VCACHE_DISABLE" { is_eager VCACHE_DISABLE=1; }
@test "VCACHE_HOSTS does not select it" { is_eager VCACHE_HOSTS=other.example.com; }
@test "nothing that is stored is fresh, and no session is" { is_eager VCACHE_TTL=0 VCACHE_SESSION_IDLE=0; }

@test "an endpoint that was flushed" {
    cached cold "$python" "$look" read
    "$build/vcache-flush" --endpoint 'other*' >/dev/null
    zero
    cached warm "$python" "$look" read
    connected 'deferred 1'
    "$build/vcache-flush" --endpoint "$VCENTER_HOST" >/dev/null
    zero
    vcenter_reset
    cached cold "$python" "$look" read
    [ "$(vcenter_connections)" -eq 1 ]
    connected
}

@test "a program that uses its sockets without OpenSSL connects at once from then on" {
    cat >bare.py <<'END'
import asyncio, os, socket, ssl, sys
HOST, PORT = os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"])
REQUEST = b"GET /sdk/vimServiceVersions.xml HTTP/1.0\r\n\r\n"
context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
async def ask_in_loop():
    reader, writer = await asyncio.open_connection(HOST, PORT, ssl=context)
    writer.write(REQUEST)
    print((await reader.readline()).decode().strip(), flush=True)
    writer.close()
def ask():
    connection = socket.create_connection((HOST, PORT))
    received, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(received, to_send, server_hostname=HOST)
    def step(function, *words):
        while True:
            try:
                return function(*words)
            except ssl.SSLWantReadError:
                connection.sendall(to_send.read())
                received.write(connection.recv(65536))
    step(tls.do_handshake)
    tls.write(REQUEST)
    print(step(tls.read, 65536).split(b"\r\n")[0].decode(), flush=True)
for _ in range(2):
    asyncio.run(ask_in_loop()) if "loop" in sys.argv else ask()
END
    plainly bare "$python" bare.py
    went_well bare
    cached cold "$python" "$look" read
    zero
    vcenter_reset
    cached warm "$python" bare.py
    same bare warm
    [ "$(vcenter_connections)" -eq 2 ]
    connected 'bare 1'
    zero
    cached warm "$python" bare.py loop
    same bare warm
    connected 'awaited 2'
}

@test "a program that speaks by OpenSSL's BIOs, past every hook" {
    local first
    for first in '' write; do
        plainly bare "$build/tests/clients/chain" $first
        went_well bare
        cached cold "$python" "$look" read
        zero
        cached warm "$build/tests/clients/chain" $first
        same bare warm
        [ "$(connection deferred)" -eq 0 ]
    done
}

@test "to write nothing makes the connection" {
    cached cold "$python" "$look" read
    zero
    vcenter_reset
    cached warm "$python" -c "
import os, socket, ssl
context = ssl.create_default_context(cafile=os.environ['VCENTER_CA'])
address = os.environ['VCENTER_HOST'], int(os.environ['VCENTER_PORT'])
print(context.wrap_socket(socket.create_connection(address), server_hostname=address[0]).send(b''))"
    went_well warm
    [ "$(vcenter_connections)" -eq 1 ]
    connected 'deferred 1' 'touched 1'
}

@test "a socket that the program has bound" {
    cached cold "$python" "$look" read
    vcenter_reset
    cached bound "$python" -c "
import http.client, os, ssl
c = http.client.HTTPSConnection(os.environ['VCENTER_HOST'], int(os.environ['VCENTER_PORT']),
                                context=ssl.create_default_context(cafile=os.environ['VCENTER_CA']),
                                source_address=('127.0.0.1', 0))
c.request('GET', '/sdk/vimServiceVersions.xml')
print(c.getresponse().status, c.sock)"
    [ "$(vcenter_connections)" -eq 1 ]
}

@test "libcurl, which is answered at its own functions" {
    cached cold "$python" "$look" read
    vcenter_reset
    zero
    cached curl curl --silent --show-error --cacert "$VCENTER_CA" \
        "https://$VCENTER_HOST:$VCENTER_PORT/sdk/vimServiceVersions.xml"
    went_well curl
    [ "$(vcenter_connections)" -eq 1 ]
    connected
}

@test "through a proxy" {
    start_proxy
    export IDLE_PROXY=$proxy
    plainly bare "$python" "$scripts/idle.py" versions versions
    cached cold "$python" "$scripts/idle.py" versions versions
    cached warm "$python" "$scripts/idle.py" versions versions
    same bare cold
    same bare warm
    connected
}
