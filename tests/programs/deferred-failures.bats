#!/usr/bin/env bats
# A connection that was put off and then cannot be had: the program ends as it would have without the shim, and in time.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2119
bats_require_minimum_version 1.8.0

source "$BATS_TEST_DIRNAME/deferred.bash"

teardown() {
    if [ -f server.pid ]; then kill "$(cat server.pid)" 2>/dev/null || true; fi
    end
}

# bats file_tags=sanitized

@test "everything warm, the origin down: the program runs to its end" {
    another_vcenter own --vms 10
    cached cold "$python" "$scripts/inventory.py"
    vcenter_stop
    cached warm "$python" "$scripts/inventory.py"
    same cold warm
}

# write_fails MANNER: what a client in C says that asks once its vCenter is gone.
write_fails() {
    local go=$BATS_TEST_TMPDIR/go
    mkfifo "$go"
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

# listens SCRIPT [ADDRESS]: who listens on the origin's port, by the socket `listening`. It says when it is there.
listens() {
    # What one before it said is not said by this one.
    rm -f listening.out
    "$python" -c "
import select, socket, struct, time
address = ('${2:-127.0.0.1}', $VCENTER_PORT)
listening = socket.create_server(address, family=socket.getaddrinfo(*address)[0][0], backlog=0)
$1" >listening.out 2>listening.err 3>&- &
    echo $! >server.pid
    until_said listening 1
}
# in_its_place SCRIPT: that takes the origin's place.
in_its_place() {
    vcenter_stop
    listens "$1"
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
    full.append(socket.socket(listening.family))
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
    # PHP loads its opcache in a way that the sanitizers refuse.
    [ -z "${VCACHE_TEST_PRELOAD-}" ] || return 0
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

# has_two_addresses: the vCenter's name has an address of either kind for what runs `within`; a relay listens at the first.
has_two_addresses() {
    unshare --mount true || skip 'no mount namespace can be had'
    another_vcenter own --vms 10
    export VCENTER_HOST=localhost
    printf '%s localhost\n' ::1 127.0.0.1 >hosts
    # shellcheck disable=SC2016 # for the other shell
    within=(unshare --mount sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$PWD/hosts")
    socat -d -d "TCP6-LISTEN:$VCENTER_PORT,bind=[::1],fork,reuseaddr" "TCP4:127.0.0.1:$VCENTER_PORT" 2>listening.out 3>&- &
    echo $! >server.pid
    until_said listening 1
}
relay_is_gone() {
    kill "$(cat server.pid)"
    wait "$(cat server.pid)" || true
}
relay_swallows() {
    relay_is_gone
    listens "$blackhole" ::1
}
got_through() { if [ "$(vcenter_connections)" -gt 0 ]; then echo 'got through'; fi; }

# goes_on_to_next COUNTER: each program gets through where it does without the shim, and connections are counted there.
goes_on_to_next() {
    local program through
    # shellcheck disable=SC2086 # words of a command
    for program in "${asking[@]}"; do
        vcenter_reset
        plainly bare "${within[@]}" $program
        through=$(got_through)
        zero
        vcenter_reset
        VCACHE_TTL=0 cached gone "${within[@]}" $program
        echo "$program: bare $(said bare) $through, put off $(said gone) $(got_through)"
        diff -u bare.out gone.out
        [ "$(got_through)" = "$through" ]
        [ "$(connection "$1")" -gt 0 ]
    done
}
# learned_by_all: sets `asking` to them.
learned_by_all() {
    local program
    those_who_fail
    # shellcheck disable=SC2086 # words of a command
    for program in "${asking[@]}"; do
        cached learned "${patiently[@]}" "${within[@]}" $program read
        [[ $(said learned) == *answered ]]
    done
}

# bats test_tags=sanitized
@test "one of the name's addresses is gone: the program gets to the next" {
    local asking
    has_two_addresses
    learned_by_all
    relay_is_gone
    goes_on_to_next failed
    [ "$(got_through)" ]
}
@test "one of the name's addresses is gone, and never greeted so: likewise" {
    local asking
    has_two_addresses
    cached learned "${within[@]}" ruby "$scripts/errors.rb" by-socket read
    relay_is_gone
    those_who_fail
    goes_on_to_next unlearned
    [ "$(got_through)" ]
}
@test "nobody gets through to one of the name's addresses: the program gets to the next, if its time-out allows" {
    local asking
    export ERRORS_TIMEOUT=1 VCACHE_CONNECT_TIMEOUT=600 patience=60
    has_two_addresses
    learned_by_all
    relay_swallows
    goes_on_to_next failed
}

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
