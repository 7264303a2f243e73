#!/usr/bin/env bats
# A warm run does not touch the network: connections are put off until a request must go out. Until then the program
# sees what it would see of a real one, and accepts or refuses the certificate for itself.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2119
bats_require_minimum_version 1.8.0

source "$BATS_TEST_DIRNAME/common.bash"

setup() {
    begin
    client=$build/tests/clients/client
    look=$scripts/look.py
    go=$BATS_TEST_TMPDIR/go
    mkfifo "$go"
}
teardown() {
    if [ -f server.pid ]; then kill "$(cat server.pid)" 2>/dev/null || true; fi
    end
}

connection() { counter "connection.$1"; }

# connected ['name value'…]: these counters of connections and no others are not zero.
connected() {
    diff -u --label expected --label counted <(printf '%s\n' "$@" | grep . | sort) \
        <("$build/vcache-stat" --print-stats | awk '/^connection\./ && $2 > 0 {print substr($1, 12), $2}' | sort)
}

# untouched: the origin has accepted no connection since the last reset.
untouched() { [ "$(vcenter_connections)" -eq 0 ]; }

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

# ---- the program verifies for itself -------------------------------------------------------------

# own_authority: a CA of this test's own, and a certificate for the vCenter by it: ca.pem, server.pem, server.key.
own_authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 30 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=vcenter 2>/dev/null
    mkdir -p authority
    : >authority/index.txt
    echo 1000 >authority/serial
    cat >authority.conf <<'END'
[ca]
default_ca = own
[own]
new_certs_dir = authority
database = authority/index.txt
serial = authority/serial
default_md = sha256
policy = any
x509_extensions = server
default_crl_days = 30
unique_subject = no
[any]
commonName = supplied
[server]
subjectAltName = IP:127.0.0.1,IP:127.0.0.77,DNS:localhost
END
    openssl ca -batch -config authority.conf -cert ca.pem -keyfile ca.key -in server.csr -out server.pem \
        -startdate 20200101000000Z -enddate "${1:-20400101000000Z}" 2>/dev/null
    openssl ca -config authority.conf -cert ca.pem -keyfile ca.key -gencrl -out crl.pem 2>/dev/null
    another_vcenter own --cert "$PWD/server.pem" --key "$PWD/server.key"
    export LOOK_CA=$PWD/ca.pem
}

# is_refused [VARIABLE=VALUE…]: who sees it so refuses the certificate, warm as without the shim; and asks nothing.
is_refused() {
    local refusal=$1
    shift
    plainly bare env "$@" "$python" "$look" read
    grep -q "$refusal" bare.out
    vcenter_reset
    zero
    cached warm env "$@" "$python" "$look" read
    same bare warm
    origin_was_not_asked
    [ "$(vcenter_connections)" -eq 1 ]
    connected 'unverified 1'
}

@test "who trusts another authority refuses it" {
    cached cold "$python" "$look" read
    openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=other -days 30 2>/dev/null
    is_refused 'SSLCertVerificationError' LOOK_CA="$PWD/other.pem"
}

@test "who expects another host refuses it" {
    cached cold "$python" "$look" read
    is_refused 'SSLCertVerificationError IP address mismatch' LOOK_HOST=127.0.0.2
}

@test "it is refused when it has expired" {
    local validity end
    # Longer for a machine on which the first run comes too late.
    for validity in 4 16 64; do
        end=$(($(date +%s) + validity))
        own_authority "$(date -u -d "@$end" +%Y%m%d%H%M%SZ)"
        cached cold "$python" "$look" read
        if grep -q '^read 200' cold.out; then break; fi
        vcenter_stop
    done
    until_clock $((end * 1000 + 1000))
    is_refused 'SSLCertVerificationError certificate has expired'
}

@test "who knows that it was revoked refuses it" {
    own_authority
    LOOK_CRL=$PWD/crl.pem cached cold "$python" "$look" read
    went_well cold
    zero
    LOOK_CRL=$PWD/crl.pem cached warm "$python" "$look" read
    connected 'deferred 1'
    openssl ca -config authority.conf -cert ca.pem -keyfile ca.key -revoke authority/1000.pem 2>/dev/null
    openssl ca -config authority.conf -cert ca.pem -keyfile ca.key -gencrl -out revoked.pem 2>/dev/null
    is_refused 'SSLCertVerificationError certificate revoked' LOOK_CRL="$PWD/revoked.pem"
}

@test "who has its thumbprint accepts it, and no other" {
    local thumbprint
    thumbprint=$(openssl x509 -in "$VCENTER_DIR/server.pem" -outform DER | sha256sum | cut -d ' ' -f 1)
    cached cold "$python" "$look" thumbprint:"$thumbprint" read
    went_well cold
    vcenter_reset
    cached warm "$python" "$look" thumbprint:"$thumbprint" read
    same cold warm
    plainly bare "$python" "$look" thumbprint:0 read
    vcenter_reset
    cached other "$python" "$look" thumbprint:0 read
    same bare other
    untouched
}

@test "who has a certificate of his own shakes hands for himself" {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout own.key -out own.pem -subj /CN=client -days 30 2>/dev/null
    cached cold "$python" "$look" read
    zero
    LOOK_CERTIFICATE=own.pem LOOK_KEY=own.key cached warm "$python" "$look" read
    same cold warm
    connected 'special 1'
}

@test "who verifies by a function of its own does so on a real connection" {
    cat >own.pl <<'END'
use IO::Socket::SSL;
my $context = IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => 1, SSL_ca_file => $ENV{VCENTER_CA});
Net::SSLeay::CTX_set_cert_verify_callback($context->{context}, sub { print "verified\n"; 1 }, 0);
my $socket = IO::Socket::SSL->new(PeerAddr => "$ENV{VCENTER_HOST}:$ENV{VCENTER_PORT}", SSL_reuse_ctx => $context)
    or die $SSL_ERROR;
print $socket "GET /sdk/vimServiceVersions.xml HTTP/1.0\r\nHost: $ENV{VCENTER_HOST}:$ENV{VCENTER_PORT}\r\n\r\n";
my @answer = <$socket>;
print $answer[0] =~ /^HTTP.1.. 200 OK/ ? "answered\n" : $answer[0];
END
    plainly bare perl own.pl
    went_well bare
    cached cold perl own.pl
    same bare cold
    zero
    cached warm perl own.pl
    same bare warm
    connected 'special 1'
}

@test "the program's verify callback is asked, and what it says holds" {
    cat >callback.rb <<'END'
require 'net/http'
http = Net::HTTP.new(ENV['VCENTER_HOST'], ENV['VCENTER_PORT'].to_i)
http.use_ssl = true
http.ca_file = ENV['VCENTER_CA']
http.verify_callback = proc { |is_good, context| puts [is_good, context.error_depth].inspect; !ENV['REFUSES'] && is_good }
begin
  http.start
  puts http.get('/sdk/vimServiceVersions.xml').code
  puts http.get('/elsewhere').code if ENV['GOES_ON']
rescue OpenSSL::SSL::SSLError => e
  puts e.message[/certificate verify failed.*/]
end
END
    plainly bare ruby callback.rb
    went_well bare
    cached cold ruby callback.rb
    same bare cold
    zero
    cached warm ruby callback.rb
    same bare warm
    connected 'deferred 1'
    # Not again when the connection is made: for the program the handshake is over.
    zero
    GOES_ON=1 plainly bare ruby callback.rb
    went_well bare
    GOES_ON=1 cached mixed ruby callback.rb
    same bare mixed
    connected 'deferred 1' 'needed 1'
    zero
    REFUSES=1 plainly bare ruby callback.rb
    REFUSES=1 cached refused ruby callback.rb
    [ "$(tail -n 1 bare.out)" = "$(tail -n 1 refused.out)" ]
    connected 'unverified 1'
}

# ---- another certificate -------------------------------------------------------------------------

# replaced: another vCenter with another certificate has taken the place of the one that was asked.
replaced() {
    local port
    another_vcenter here --vms 10
    port=$VCENTER_PORT
    cached cold "$python" "$look" read
    went_well cold
    vcenter_stop
    vcenter_start "$BATS_TEST_TMPDIR/there" --vms 10 --listen "127.0.0.1:$port" --identity there
    use_ca
    zero
}

@test "to another peer nothing is sent" {
    export LOOK_INSECURE=1
    replaced
    cached lost "$python" "$look" read write
    [ "$(head -n 1 lost.out)" = "$(cat cold.out)" ]
    [[ $(tail -n 1 lost.out) == 'write SSL'*Error* || $(tail -n 1 lost.out) == 'write ConnectionResetError'* ]]
    origin_was_not_asked
    connected 'deferred 1' 'changed 1'
}

@test "after that it is seen, and nothing of the other one is answered" {
    export LOOK_INSECURE=1
    replaced
    cached lost "$python" "$look" wsdl
    vcenter_reset
    plainly bare "$python" "$look" read look
    vcenter_reset
    cached anew "$python" "$look" read look
    same bare anew
    origin_was_asked RetrieveServiceContent
    # That this is another vCenter keeps its first word from being stored.
    cached anew "$python" "$look" read look
    vcenter_reset
    cached again "$python" "$look" read look
    same bare again
    untouched
}

@test "who verifies refuses another peer's certificate when it is needed" {
    replaced
    LOOK_CA=$BATS_TEST_TMPDIR/here/ca.pem cached lost "$python" "$look" read write
    [ "$(head -n 1 lost.out)" = "$(cat cold.out)" ]
    grep -q '^write SSLCertVerificationError' lost.out
    origin_was_not_asked
}

# ---- the origin is not there ---------------------------------------------------------------------

@test "everything warm, the origin down: the program runs to its end" {
    another_vcenter own --vms 10
    cached cold "$python" "$scripts/inventory.py"
    vcenter_stop
    cached warm "$python" "$scripts/inventory.py"
    same cold warm
}

# write_fails MANNER: what a client in C says that asks once its vCenter is gone.
write_fails() {
    another_vcenter own --vms 10
    cached cold "$client" "$1"
    vcenter_stop
    CLIENT_PAUSE=$go cached down "$client" "$1" &
    # shellcheck disable=SC2016 # for the other shell
    timeout 60 sh -c 'echo >"$1"' sh "$go"
    wait $!
    cat down.err
}

@test "a request that must go out ends with the error of the connection" {
    [ "$(write_fails blocking)" = 'a write failed: error 5, errno 111' ]
}

# SSL_write_ex says only that it failed: programs look into the queue.
@test "a failed SSL_write_ex leaves the error in the queue, too" {
    [ "$(write_fails ex)" = 'a write failed: error 5, errno 111, queued system error 111' ]
}

@test "who does not heed that a write failed is told by poll and by reading, and nothing is tried again" {
    another_vcenter own --vms 10
    cat >heedless.pl <<'END'
use IO::Poll qw(POLLIN POLLOUT POLLHUP);
use IO::Socket::INET;
use Net::SSLeay;
my $at = "$ENV{VCENTER_HOST}:$ENV{VCENTER_PORT}";
my $socket = IO::Socket::INET->new($at) or die "$!";
my $ssl = Net::SSLeay::new(Net::SSLeay::CTX_new());
Net::SSLeay::set_fd($ssl, fileno $socket);
Net::SSLeay::connect($ssl) == 1 or die;
my $request = "GET $ARGV[0] HTTP/1.1\r\nHost: $at\r\n\r\n";
if ($ARGV[0] ne '/') {
    my $answer = '';
    Net::SSLeay::write($ssl, $request);
    $answer .= Net::SSLeay::read($ssl) until $answer =~ m{</namespaces>};
    exit;
}
$socket->blocking(0);
my $poll = IO::Poll->new;
$poll->mask($socket => POLLIN | POLLOUT);
for (1 .. 20) {
    my $result = Net::SSLeay::write($ssl, $request);
    print 'write ', Net::SSLeay::get_error($ssl, $result), ' ', $! + 0, "\n";
    last if $poll->poll(20) > 0 && $poll->events($socket) & POLLHUP;
}
my ($bytes, $result) = Net::SSLeay::read($ssl);
print 'read ', Net::SSLeay::get_error($ssl, $result), ' ', $! + 0, "\n";
END
    cached cold perl heedless.pl /sdk/vimServiceVersions.xml
    vcenter_stop
    zero
    cached down perl heedless.pl /
    diff -u - down.out <<<"$(printf '%s\n' 'write 5 111' 'read 5 111')"
    connected 'deferred 1' 'failed 1'
}

@test "a write that never got out fences nothing" {
    another_vcenter own --vms 10
    cached cold "$python" "$look" read
    vcenter_stop
    cached down "$python" "$look" write
    grep -q '^write .*Error' down.out
    cached warm "$python" "$look" read
    same cold warm
}

@test "with VCACHE_STALE_IF_ERROR what is stored is answered, each time anew, and the connection goes on" {
    another_vcenter own --vms 10
    export VCACHE_TTL=0.3
    cached fresh "$scripts/fields.py" login read
    vcenter_stop
    until_clock $(($(now) + 300))
    VCACHE_STALE_IF_ERROR=60 cached served "$scripts/fields.py" login read read
    [ "$(sed -n 1p served.out)" = 'login 200   ' ]
    [ "$(sed -n 2p served.out)" = 'read 200 DC0_H0_VM0 Age 111 vcache "Revalidation Failed"' ]
    [ "$(sed -n 2p served.out)" = "$(sed -n 3p served.out)" ]
}

# in_its_place SCRIPT: what takes the origin's place; `listening` is a socket on its port. It says when it is there.
in_its_place() {
    local port=$VCENTER_PORT
    vcenter_stop
    # What one before it said is not said by this one.
    rm -f listening.out
    "$python" -c "
import select, socket, struct, time
listening = socket.create_server(('127.0.0.1', $port), backlog=0)
$1" >listening.out 2>listening.err 3>&- &
    echo $! >server.pid
    until_said listening 1
}
silent='
print("here", flush=True)
held = [connection for connection, _ in iter(listening.accept, None)]'
resetting='
print("here", flush=True)
for connection, _ in iter(listening.accept, None):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()'
# Its queue is full: nobody gets through any more, as it has seen for itself.
blackhole='
full = []
while not full or select.select([], full[-1:], [], 0.5)[1]:
    full.append(socket.socket())
    full[-1].setblocking(False)
    full[-1].connect_ex(listening.getsockname())
print("full", flush=True)
time.sleep(600)'

# ends_in_time WHAT: with a time-out of two seconds a program that must ask ends by that, and as without the shim.
ends_in_time() {
    another_vcenter own --vms 10
    cached cold "$python" "$look" read
    in_its_place "$1"
    export LOOK_TIMEOUT=2 VCACHE_CONNECT_TIMEOUT=600 patience=60
    plainly bare "$python" "$look" write
    grep -q TimeoutError bare.out
    cached warm "$python" "$look" read write
    [ "$(tail -n 1 warm.out)" = 'write TimeoutError ' ]
}

# those_who_fail: sets `asking` to a command of each kind of program that connects by its language's own connect,
those_who_fail() {
    asking=("$python $scripts/errors.py "{http.client,urllib,urllib3,requests,httpx,pyvmomi,pyopenssl}
        "ruby $scripts/errors.rb" "perl $scripts/errors.pl")
    if php -r "exit(extension_loaded('soap') ? 0 : 1);"; then asking+=("php $scripts/errors.php"); fi
}
# those_who_wait: and of those that wait for it in a loop of their own, or are woken from another thread.
those_who_wait() {
    asking=("$python $scripts/errors.py gevent" "ruby $scripts/errors.rb by-"{httpclient,excon}
        "perl $scripts/errors.pl mojo" "lua5.3 $scripts/errors.lua")
}

# bats file_tags=

@test "nobody gets through, and the program's time-out has passed: VCACHE_STALE_IF_ERROR answers all the same" {
    local kind
    another_vcenter own --vms 10
    for kind in http.client requests; do
        cached learned "$python" "$scripts/errors.py" "$kind" read
    done
    swallows
    export ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 VCACHE_TTL=0.1 VCACHE_STALE_IF_ERROR=600 patience=60
    until_clock $(($(now) + 100))
    for kind in http.client requests; do
        zero
        cached served "$python" "$scripts/errors.py" "$kind" read
        [ "$(said served)" = answered ]
        connected 'deferred 1' 'failed 1'
    done
}

# each_fails COUNTER: each as without the shim; its connections are counted there.
each_fails() {
    local program
    # shellcheck disable=SC2086 # words of a command
    for program in "${asking[@]}"; do
        plainly bare "${within[@]}" $program
        zero
        VCACHE_TTL=0 cached down "${within[@]}" $program
        echo "$program: bare $(said bare), put off $(said down)"
        diff -u bare.out down.out
        [ "$(connection "$1")" -gt 0 ]
    done
}

# fails_as_ever HOW [THOSE COUNTER]: each kind of program, when its connection was put off and then cannot be had; or of
# those others.
fails_as_ever() {
    local program asking
    "${2:-those_who_fail}"
    [ -d own ] || another_vcenter own --vms 10
    # shellcheck disable=SC2086 # words of a command
    for program in "${asking[@]}"; do
        cached learned "${patiently[@]}" $program read
        [[ $(said learned) == *answered ]]
    done
    "$1"
    each_fails "${3:-deferred}"
}

# fails_at_greeting HOW: likewise, when the address is known and the program's way of greeting is not.
fails_at_greeting() {
    local asking
    those_who_fail
    another_vcenter own --vms 10
    cached learned "${patiently[@]}" ruby "$scripts/errors.rb" by-socket read
    "$1"
    each_fails unlearned
}

patiently=(env -u ERRORS_TIMEOUT) # a machine that is busy is not to end what is learned
within=() # what the programs run in, when they fail
is_gone() { vcenter_stop; }
has_no_route() {
    within=(unshare --net sh -c 'ip link set lo up && ip route add unreachable 127.0.0.77 table local && exec "$@"' sh)
}
resets() { in_its_place "$resetting"; }
swallows() { in_its_place "$blackhole"; }
is_silent() { in_its_place "$silent"; }

@test "refused: each program's error is of the kind that it would have had" { fails_as_ever is_gone; }
@test "no route: likewise" {
    unshare --net true || skip 'no network namespace can be had'
    own_authority
    vcenter_stop
    another_vcenter own --vms 10 --listen 127.0.0.77:0 --cert "$PWD/server.pem" --key "$PWD/server.key"
    VCENTER_CA=$PWD/ca.pem
    use_ca
    fails_as_ever has_no_route
}
@test "reset in the handshake: likewise" { fails_as_ever resets; }

# Of these nothing is put off: not to be told here how they wait, they are told the truth.
waits_as_ever() { fails_as_ever "$1" those_who_wait awaited; }
@test "refused: those who wait for the connection in a loop of their own" { waits_as_ever is_gone; }
@test "reset in the handshake: those who wait in a loop" { waits_as_ever resets; }
@test "nobody gets through: those who wait in a loop" { ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 patience=60 waits_as_ever swallows; }
@test "a peer that says nothing: those who wait in a loop" { ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 patience=60 waits_as_ever is_silent; }

# is_told_twice HOW PYTHON: a program that asks twice of who is not to be had, and goes on, is told each time, and nothing
# later, in its main thread and in another one.
is_told_twice() {
    local kind kinds=(http.client urllib)
    if "$2" -c 'import requests, urllib3, pyVim' 2>/dev/null; then kinds+=(urllib3 requests pyvmomi); fi
    if "$2" -c 'import httpx' 2>/dev/null; then kinds+=(httpx); fi
    another_vcenter own --vms 10
    for kind in "${kinds[@]}"; do
        cached learned "${patiently[@]}" "$2" "$scripts/errors.py" "$kind" read
    done
    "$1"
    for kind in "${kinds[@]}"; do
        plainly bare "$2" "$scripts/errors.py" "$kind" twice
        [ "$(grep -ciE 'error|timeout' bare.out)" -eq 2 ]
        zero
        VCACHE_TTL=0 cached down "$2" "$scripts/errors.py" "$kind" twice
        same bare down
        VCACHE_TTL=0 cached down "$2" "$scripts/errors.py" "$kind" twice in-thread
        same bare down
        [ "$(connection deferred)" -ge 4 ]
        [ "$(connection failed)" -eq "$(connection deferred)" ]
    done
}

# bats test_tags=sanitized
@test "refused twice, in the main thread and in another one" { is_told_twice is_gone "$python"; }
# bats test_tags=sanitized
@test "timed out twice, likewise" { ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 patience=60 is_told_twice swallows "$python"; }

# every_other_python HOW
every_other_python() {
    local executable tried=0
    for executable in $(other_pythons); do
        echo "# $executable" >&3
        export VCACHE_DIR=$BATS_TEST_TMPDIR/cache-$tried
        is_told_twice "$1" "$executable"
        tried=$((tried + 1))
        if [ -f server.pid ]; then kill "$(cat server.pid)"; fi
    done
    [ "$tried" -gt 0 ] || skip 'there is no other Python here'
}

@test "refused twice, under every other Python in the path" { every_other_python is_gone; }
@test "timed out twice, under every other Python in the path" {
    export ERRORS_TIMEOUT=0.5 VCACHE_CONNECT_TIMEOUT=600 patience=60
    every_other_python swallows
}

@test "refused, and never greeted so before: likewise" { fails_at_greeting is_gone; }
@test "reset, and never greeted so before: likewise" { fails_at_greeting resets; }
@test "nobody gets through, nor was ever greeted so: likewise" {
    ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 patience=60 fails_at_greeting swallows
}
@test "a peer that says nothing, nor was ever greeted so: likewise" {
    ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 patience=60 fails_at_greeting is_silent
}

@test "nobody gets through: likewise" { ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 patience=60 fails_as_ever swallows; }
@test "nobody gets through, or the peer says nothing: Net::HTTP, whose time-out for writing is as long, or shorter" {
    local how within=() asking=("ruby $scripts/errors.rb")
    another_vcenter own --vms 10
    cached learned ruby "$scripts/errors.rb" read
    export VCACHE_CONNECT_TIMEOUT=600 patience=60
    for how in swallows is_silent; do
        "$how"
        ERRORS_TIMEOUT=2 ERRORS_WRITE_TIMEOUT=2 each_fails deferred
        ERRORS_TIMEOUT=1 ERRORS_WRITE_TIMEOUT=1 each_fails deferred
        ERRORS_TIMEOUT=2 ERRORS_WRITE_TIMEOUT=0.3 each_fails deferred
        kill "$(cat server.pid)"
    done
}
@test "a peer that says nothing: likewise" { ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 patience=60 fails_as_ever is_silent; }

# A peer that takes a second, with the certificate of before.
slow='
import ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.pem", "server.key")
print("here", flush=True)
for connection, _ in iter(listening.accept, None):
    time.sleep(1)
    with context.wrap_socket(connection, server_side=True) as tls:
        tls.recv(65536)
        tls.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")'

# bats test_tags=sanitized
@test "a peer that takes its time: who waits in turns gets through, and who writes again" {
    local program counted
    own_authority
    vcenter_stop
    another_vcenter own --vms 10 --cert "$PWD/server.pem" --key "$PWD/server.key"
    VCENTER_CA=$PWD/ca.pem
    for program in "$python $scripts/turns.py" "perl $scripts/turns.pl" "ruby $scripts/turns.rb"; do
        # shellcheck disable=SC2086 # words of a command
        cached learned $program read
        [ "$(said learned)" = 'HTTP/1.1 200 OK' ]
    done
    in_its_place "$slow"
    export VCACHE_TTL=0 patience=60
    for program in "$python $scripts/turns.py write" "perl $scripts/turns.pl write" "$python $scripts/turns.py write connects" \
        "perl $scripts/turns.pl write connects" "ruby $scripts/turns.rb write connects"; do
        if [[ $program == *connects ]]; then counted=('awaited 1'); else counted=('deferred 1' 'needed 1'); fi
        zero
        # shellcheck disable=SC2086
        cached slow $program
        [ "$(said slow)" = 'HTTP/1.1 500 Internal Server Error' ]
        connected "${counted[@]}"
    done
}

@test "a peer that takes its time: the program's time-out counts, where it has one" {
    own_authority
    export LOOK_TIMEOUT=60
    cached cold "$python" "$look" read
    in_its_place "$slow"
    VCACHE_CONNECT_TIMEOUT=0.3 cached mixed "$python" "$look" read write
    [ "$(tail -n 1 mixed.out)" = 'write 500 Internal Server Error, 0 bytes' ]
}

# Time-outs that the program has for something else, and that a peer who takes a second would not keep.
# bats test_tags=sanitized
@test "a peer that takes its time: what limits only connecting, or only what comes after it, does not end the handshake" {
    local ruby=("ruby" "$scripts/errors.rb" by-socket)
    own_authority
    vcenter_stop
    another_vcenter own --vms 10 --cert "$PWD/server.pem" --key "$PWD/server.key"
    VCENTER_CA=$PWD/ca.pem
    cat >writes.py <<'END'
import os, socket, ssl, sys
connection = socket.create_connection((os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"])), timeout=60)
context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
connection = context.wrap_socket(connection, server_hostname=os.environ["VCENTER_HOST"])
connection.settimeout(0.3)
connection.sendall(b"GET %s HTTP/1.0\r\n\r\n" % sys.argv[1].encode())
connection.settimeout(60)
print(connection.recv(65536).split(b"\r\n")[0].decode())
END
    cached learned "$python" writes.py /sdk/vimServiceVersions.xml
    cached learned "${ruby[@]}" read
    cached learned "$client" blocking
    in_its_place "$slow"
    export VCACHE_TTL=0 patience=60
    zero
    as_ever() {
        plainly bare "$@"
        cached slow "$@"
        same bare slow
    }
    as_ever "$python" writes.py /
    [ "$(said slow)" = 'HTTP/1.1 500 Internal Server Error' ]
    ERRORS_TIMEOUT=0.5 as_ever "${ruby[@]}"
    # Whether it is answered or reset is up to the peer, who does not read all that it sends.
    CLIENT_TURN=1001 cached slow "$client" blocking
    run ! grep 'a write failed' slow.err
    connected 'deferred 3' 'needed 3'
}

# bats test_tags=sanitized
@test "nobody gets through, and a signal came meanwhile: its handler has its turn first" {
    another_vcenter own --vms 10
    cached learned "$python" "$scripts/errors.py" http.client read
    swallows
    VCACHE_TTL=0 VCACHE_CONNECT_TIMEOUT=2 patience=60 cached down "$python" -c '
import faulthandler, os, runpy, signal, sys, threading, time
def handle(*_): handled.append(True)
handled = []
faulthandler.register(signal.SIGUSR1)  # with SA_RESTART: no wait is interrupted
signal.signal(signal.SIGTERM, handle)
def interrupt():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
other = threading.Thread(target=interrupt)
other.start()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
other.join()
print("handled", len(handled))' "$scripts/errors.py" http.client
    diff -u - down.out <<<"$(printf '%s\n' 'builtins.TimeoutError' 'handled 1')"
    connected 'deferred 1' 'failed 1'
}

@test "nobody gets through: a Ruby program without Net::HTTP" {
    another_vcenter own --vms 10
    cached learned ruby "$scripts/errors.rb" by-socket read
    swallows
    export ERRORS_TIMEOUT=1
    plainly bare ruby "$scripts/errors.rb" by-socket
    zero
    VCACHE_CONNECT_TIMEOUT=600 patience=60 cached down ruby "$scripts/errors.rb" by-socket
    [ "$(said bare)" = Errno::ETIMEDOUT ]
    same bare down
    connected 'deferred 1' 'failed 1'
}

@test "a peer that says nothing: the program's own time-out" { ends_in_time "$silent"; }
@test "nobody gets through: the program's own time-out" { ends_in_time "$blackhole"; }

@test "a peer that says nothing: a program in C waits for itself" {
    local manner
    another_vcenter own --vms 10
    cached cold "$client" poll
    went_well cold
    in_its_place "$silent"
    export CLIENT_PATIENCE=2 VCACHE_CONNECT_TIMEOUT=600 VCACHE_TTL=0 patience=60
    for manner in select pselect poll ppoll level edge oneshot; do
        plainly bare "$client" "$manner"
        [ "$(cat bare.status)" -eq 1 ]
        zero
        cached down "$client" "$manner"
        same bare down
        connected 'deferred 1'
    done
}

# in_turns COMMAND…: a program in C that has its socket not block, waits until it is connected, so many milliseconds, and
# has it block then. By poll and by select, in one turn and in several.
in_turns() {
    local selects turn
    for selects in '' 1; do
        for turn in 300 1000 2000; do
            echo "selects: ${selects:-no}, milliseconds: $turn"
            CLIENT_SELECTS=$selects CLIENT_TURN=$turn "$@"
        done
    done
}

# A wait of more than a second is a time-out, which is kept; any other one may be a turn of a loop.
# bats test_tags=sanitized
@test "a program in C that waits until it is connected: where only its wait can end it, nothing is put off" {
    cached cold "$client" blocking
    is_answered() {
        plainly bare "$client" blocking
        went_well bare
        vcenter_reset
        zero
        cached warm "$client" blocking
        same bare warm
        origin_was_not_asked
        if [ "$CLIENT_TURN" -gt 1000 ]; then connected 'deferred 1'; else connected 'awaited 1'; fi
    }
    in_turns is_answered
}

@test "nobody gets through: a program in C that waits until it is connected" {
    another_vcenter own --vms 10
    cached cold "$client" blocking
    went_well cold
    in_its_place "$blackhole"
    export VCACHE_CONNECT_TIMEOUT=600 VCACHE_TTL=0 patience=60
    ends() {
        plainly bare "$client" blocking
        [ "$(cat bare.err)" = 'connect: Connection timed out' ]
        zero
        cached down "$client" blocking
        if [ "$CLIENT_TURN" -gt 1000 ]; then
            [ "$(cat down.err)" = 'a write failed: error 5, errno 110' ]
            connected 'deferred 1' 'failed 1'
        else
            same bare down
            connected 'awaited 1'
        fi
    }
    in_turns ends
    CLIENT_TURN=200 CLIENT_TURNS=4 ends
}

# heeds_alarm WHAT: a program whose time-out is alarm(2) ends by it, not by ours. It is set when there is a connection,
# for to begin may take a program longer than that.
heeds_alarm() {
    another_vcenter own --vms 10
    cached cold "$python" "$look" read
    cached cold perl "$scripts/errors.pl" read
    in_its_place "$1"
    zero
    VCACHE_CONNECT_TIMEOUT=90 patience=60 cached warm "$python" -c '
import runpy, signal, ssl, sys
def ring(*_): raise SystemExit("the alarm rang")
signal.signal(signal.SIGALRM, ring)
class Socket(ssl.SSLSocket):
    def send(self, *words):
        signal.alarm(1)
        return super().send(*words)
ssl.SSLContext.sslsocket_class = Socket
sys.argv = [sys.argv[1], "write"]
runpy.run_path(sys.argv[0], run_name="__main__")' "$look"
    [ "$(cat warm.err)" = 'the alarm rang' ]
    VCACHE_CONNECT_TIMEOUT=90 VCACHE_TTL=0 patience=60 cached warm perl -MIO::Socket::SSL -e '
$SIG{ALRM} = sub { print "the alarm rang\n"; exit 0 };
my $connect = \&IO::Socket::SSL::connect_SSL;
*IO::Socket::SSL::connect_SSL = sub { my $connected = $connect->(@_); alarm 1; $connected };
do shift' "$scripts/errors.pl"
    [ "$(said warm)" = 'the alarm rang' ]
    connected 'deferred 2'
}

@test "a peer that says nothing: the program is woken by its alarm" { heeds_alarm "$silent"; }
@test "nobody gets through: the program is woken by its alarm" { heeds_alarm "$blackhole"; }

@test "VCACHE_CONNECT_TIMEOUT ends the wait of a program that has none" {
    local what
    export VCACHE_CONNECT_TIMEOUT=1 LOOK_INSECURE=1
    for what in "$silent" "$blackhole"; do
        another_vcenter own --vms 10
        rm -rf "$VCACHE_DIR"
        cached cold "$python" "$look" read
        in_its_place "$what"
        patience=60 cached warm "$python" "$look" read write
        grep -q '^write TimeoutError' warm.out
        kill "$(cat server.pid)"
    done
}

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
