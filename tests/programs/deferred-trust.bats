#!/usr/bin/env bats
# A connection that was put off: the program accepts or refuses the certificate for itself, and nothing is sent to another.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2119
bats_require_minimum_version 1.8.0

source "$BATS_TEST_DIRNAME/deferred.bash"

# bats file_tags=sanitized

# ---- the program verifies for itself -------------------------------------------------------------

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
