#!/usr/bin/env bats
# The preloaded object itself: what it needs, what it shows, and that who does not speak to a vCenter notices nothing.
#
# Scripts in single quotes are for other interpreters:
# shellcheck disable=SC2016,SC2119

bats_require_minimum_version 1.5.0

# shellcheck source=tests/programs/faults/faults.bash
source "$BATS_TEST_DIRNAME/faults/faults.bash"

setup_file() {
    file_vcenter --vms 200
    make_programs
    mkdir "$BATS_FILE_TMPDIR/stranger"
    mkfifo "$BATS_FILE_TMPDIR/port"
    "$python" "$faults/server.py" "$BATS_FILE_TMPDIR/stranger" >"$BATS_FILE_TMPDIR/port" 2>/dev/null 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/stranger/pid"
    read -r -t 60 port <"$BATS_FILE_TMPDIR/port"
    export STRANGER_PORT=$port STRANGER_CA=$BATS_FILE_TMPDIR/stranger/ca.pem
}
teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/stranger/pid")"
    end_file
}

# ---- the file ------------------------------------------------------------------------------------

@test "libc is all that it needs" {
    [ "$(readelf -d "$shim" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')" = libc.so.6 ]
}

@test "it shows the hooked names, and nothing else" {
    diff -u --label hooks.def --label shown \
        <(sed -n 's/^HOOK(\([A-Za-z0-9_]*\),.*/\1/p' "$programs/../../shim/front/hooks.def" | sort) \
        <(nm -D --defined-only "$shim" | awk '{print $3}' | sort)
    nm -D --defined-only "$shim" | grep -q ' T SSL_write_ex$'
    # None of them with a version: a named one would keep versioned calls from binding to it.
    readelf --dyn-syms --wide "$shim" | awk '$7 != "UND" && $8 ~ /@/ {print; found = 1} END {exit found}'
}

@test "no relocation in the text, no executable stack, every symbol there, never unloaded" {
    run readelf -d "$shim"
    [ "$status" -eq 0 ]
    [[ $output != *TEXTREL* ]]
    [[ $output == *NODELETE* ]]
    readelf -lW "$shim" | awk '/GNU_STACK/ {print $7}' | grep -qx RW
    readelf -lW "$shim" | grep -q GNU_RELRO
    run ldd -r "$shim"
    [[ $output != *undefined* ]]
}

# ---- programs that have nothing to do with it ----------------------------------------------------

# unmoved COMMAND…: the same with the shim as without, and no cache was made for it.
unmoved() {
    run_into expected "$@"
    right env "LD_PRELOAD=$shim" "VCACHE_LOG=$PWD/log" VCACHE_LOG_LEVEL=debug "$@"
    [ ! -e "$VCACHE_DIR" ]
    [ ! -e log ]
}

@test "programs that speak to nobody" {
    git init -q repository
    git -C repository -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
    seq 200000 | shuf --random-source=<(yes) >numbers
    unmoved true
    [ ! -s run.out ]
    unmoved false
    [ "$(cat run.status)" -eq 1 ]
    unmoved bash -c 'cd / && for i in 1 2 3; do (echo $i | cat); done; kill -TERM $$'
    [ "$(cat run.status)" -eq 143 ]
    unmoved git -C repository log --stat
    unmoved sort --parallel=4 -n numbers
    unmoved perl -e 'use Socket; print `echo hello`; exit 3'
    unmoved ruby -rsocket -e 'a, b = UNIXSocket.pair; Thread.new { a.puts "x" }.join; p IO.select([b]), b.gets; exit 4'
    unmoved php -r 'echo implode(",", stream_get_transports()), "\n";'
    unmoved curl --version
    unmoved openssl version
    unmoved env -i "$(command -v printf)" '%s\n' nothing in the environment
    unmoved env LD_BIND_NOW=1 "$python" -c 'import ssl, select, threading; print(ssl.OPENSSL_VERSION)'
}

@test "poll, select and epoll are as they were, with threads, time-outs and signals" {
    cat >waits.py <<'EOF2'
import errno, os, select, signal, socket, threading

a, b = socket.socketpair()
p = select.poll()
p.register(b, select.POLLIN)
e = select.epoll()
e.register(b.fileno(), select.EPOLLIN | select.EPOLLET)
print(p.poll(10), select.select([b], [a], [], 0.01)[0], e.poll(0.01))
threading.Timer(0.05, lambda: a.send(b"x")).start()
print([m for _, m in p.poll(60000)], len(select.select([b], [], [], 60)[0]), [m for _, m in e.poll(60)], e.poll(0))
b.recv(1)
print(p.poll(0))
a.close()
print([m for _, m in p.poll(0)], [m for _, m in e.poll(0)])
for call in (lambda: select.select([999], [], [], 0), lambda: e.register(999), lambda: e.modify(0, 0)):
    try:
        call()
    except OSError as error:
        print(errno.errorcode[error.errno])


def handler(*_):
    raise InterruptedError("signal")


signal.signal(signal.SIGALRM, handler)
c, d = socket.socketpair()
for wait in (lambda: select.select([d], [], []), lambda: select.epoll().poll(), lambda: select.poll().poll()):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        wait()
    except InterruptedError as error:
        print(error)
threads = [threading.Thread(target=lambda: select.select([d], [], [], 60)) for _ in range(16)]
for t in threads:
    t.start()
c.send(b"y")
for t in threads:
    t.join()
print("all woke")
EOF2
    unmoved "$python" waits.py
    says 'all woke' run.out
}

@test "TLS with a server that is no vCenter: Python, by sockets and by asyncio" {
    local how
    for how in http line asyncio sdk; do
        run_into expected "$python" "$faults/stranger.py" "$how" "$STRANGER_PORT" "$STRANGER_CA"
        went_well expected
        right env "LD_PRELOAD=$shim" "$python" "$faults/stranger.py" "$how" "$STRANGER_PORT" "$STRANGER_CA"
        right env "LD_PRELOAD=$shim" "$python" "$faults/stranger.py" "$how" "$STRANGER_PORT" "$STRANGER_CA"
        # What does not even look like a vCenter's path leaves nothing behind.
        if [ "$how" != sdk ]; then [ ! -e "$VCACHE_DIR" ]; fi
    done
}

@test "TLS with a server that is no vCenter: openssl, curl, Perl, Ruby, PHP" {
    local url=https://127.0.0.1:$STRANGER_PORT
    export SSL_CERT_FILE=$STRANGER_CA PERL_LWP_SSL_CA_FILE=$STRANGER_CA
    unmoved sh -c 'printf "hello\nGET is a word\n\n" | openssl s_client -quiet -no_ign_eof -verify_quiet -CAfile "$0" -connect "$1" 2>/dev/null' \
            "$STRANGER_CA" "127.0.0.1:$STRANGER_PORT"
    unmoved curl -sS "$url/one" "$url/two" --data-binary @/etc/services "$url/chunked"
    unmoved perl -MLWP::UserAgent -e '$u = LWP::UserAgent->new(keep_alive => 1); print $u->get("$ARGV[0]/$_")->content for 1 .. 3; print $u->post("$ARGV[0]/chunked", Content => "y" x 70000)->content' "$url"
    unmoved ruby -rnet/http -e 'u = URI(ARGV[0]); Net::HTTP.start(u.host, u.port, use_ssl: true) { |h| 3.times { |i| puts h.get("/r#{i}").body.size; puts h.post("/chunked", "z" * 70000).body.size } }' "$url"
    unmoved php -r 'for ($i = 0; $i < 3; $i++) echo strlen(file_get_contents("$argv[1]/p$i")), "\n";' "$url"
    [ -s run.out ]
}

@test "asyncio with a vCenter (memory BIOs) passes through" {
    cat >by-asyncio.py <<'EOF2'
import asyncio, os, ssl
BODY = b'<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent></Body></Envelope>'


async def main():
    context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
    reader, writer = await asyncio.open_connection(os.environ["VCENTER_HOST"], os.environ["VCENTER_PORT"], ssl=context)
    for _ in range(3):
        writer.write(b"POST /sdk HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split()[0])
        print((await reader.readexactly(length)).decode())
    writer.close()

asyncio.run(main())
EOF2
    unmoved "$python" by-asyncio.py
    says RetrieveServiceContentResponse run.out
    vcenter_reset
    right "$vcache" "$python" by-asyncio.py
    [ "$(vcenter_count)" -eq 3 ]
}

# ---- its memory ----------------------------------------------------------------------------------

# checked OPTION… -- STEP…: the client under the shim and valgrind.
checked() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    run_into run env "LD_PRELOAD=$shim" valgrind --quiet --error-exitcode=99 "${options[@]}" "$client" "$@"
}

@test "memcheck finds nothing in a run under the shim, cold and warm" {
    local pass
    expect hello login names counters large live logout
    for pass in cold warm; do
        checked --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite -- hello login names counters large live logout
        same expected run || { echo "$pass" && return 1; }
    done
    vcenter_reset
    checked --leak-check=full -- hello login names counters large logout
    origin_was_asked
    expect login begin large 100 fork child finish names poll threads 2 login names mkdir 'x<'
    checked --trace-children=yes -- login begin large 100 fork child finish names poll threads 2 login names mkdir 'x<'
    same expected run
}

@test "ThreadSanitizer finds no race in 16 threads, cold and warm" {
    local checked=$build/thread-sanitized steps pass
    env -u MAKEFLAGS -u MAKELEVEL make -s -C "$programs/../.." BUILD="$checked" "$checked/libvcache.so" \
        SANITIZE="-fsanitize=thread -include $faults/tsan.h" >make.out 2>&1 || { cat make.out && return 1; }
    gcc -std=gnu17 -D_GNU_SOURCE -O1 -g -fsanitize=thread -o client-checked "$faults/client.c" -lssl -lcrypto -lpthread
    run_into run ./client-checked
    if says 'unexpected memory mapping' run.err; then skip "ThreadSanitizer does not run on this kernel"; fi
    for steps in 'hello login' 'poll login'; do
        for pass in cold warm written; do
            # shellcheck disable=SC2086 # words
            plainly expected ./client-checked $steps threads 16 fresh hello login names counters logout hello
            # shellcheck disable=SC2086
            right env "LD_PRELOAD=$checked/libvcache.so" ./client-checked $steps threads 16 fresh hello login names counters \
                logout hello || { head -n 100 run.err && echo "$steps, $pass" && return 1; }
            if [ "$pass" = warm ]; then cached writer "$client" login mkdir "race-${steps%% *}"; fi
        done
        rm -rf "$VCACHE_DIR"
    done
}
