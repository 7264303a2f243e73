#!/usr/bin/env bats
# Whatever goes wrong, the program ends as without the shim: same output, same errors, same exit status.
#
# Scripts in single quotes are for other shells, and every test is a process of its own:
# shellcheck disable=SC2016,SC2030,SC2031,SC2119

bats_require_minimum_version 1.5.0

# shellcheck source=tests/programs/faults/faults.bash
source "$BATS_TEST_DIRNAME/faults/faults.bash"

setup_file() {
    file_vcenter --vms 200
    make_programs
}

@test "the client works, and a second run asks the origin nothing" {
    expect "${reads[@]}"
    [ "$(grep -c ': 200 ' expected.out)" -eq 5 ]
    works_again
}

# ---- the directory -------------------------------------------------------------------------------

@test "no HOME, no XDG directory, no VCACHE_DIR" {
    local bare=(env -u HOME -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u VCACHE_DIR "$vcache")
    expect "${reads[@]}"
    passes_through "${bare[@]}" "$client" "${reads[@]}"
    passes_through "${bare[@]}" "$client" "${reads[@]}"
}

@test "a HOME that does not exist, one that is a file, one that is relative" {
    local home
    expect "${reads[@]}"
    echo file >file
    for home in /proc/none "$PWD/file" relative; do
        passes_through env -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u VCACHE_DIR "HOME=$home" "$vcache" "$client" "${reads[@]}"
    done
    [ "$(cat file)" = file ]
    [ ! -e relative ]
}

@test "no writable directory at all, by somebody who is not root" {
    needs_root
    public
    local nowhere=("${as_nobody[@]}" env -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u VCACHE_DIR HOME=/ "$vcache")
    expect "${reads[@]}"
    passes_through "${nowhere[@]}" "$client" "${reads[@]}"
    passes_through "${nowhere[@]}" env "VCACHE_DIR=$PUBLIC/none" "$client" "${reads[@]}"
    [ ! -e "$PUBLIC/none" ]
}

@test "a read-only directory, empty and with a cache in it" {
    needs_mounts
    local twice=(sh -c '"$@"; "$@"' sh)
    mkdir -m 700 "$VCACHE_DIR"
    expect "${reads[@]}"
    passes_through "$in_mounts" 'mount --bind -o ro "$VCACHE_DIR" "$VCACHE_DIR"; mount -o remount,bind,ro "$VCACHE_DIR"' \
        "$vcache" "$client" "${reads[@]}"
    [ -z "$(ls -A "$VCACHE_DIR")" ]
    works_again
    sha256sum "$VCACHE_DIR"/* >before
    plainly expected "${twice[@]}" "$client" "${reads[@]}"
    right "$in_mounts" 'mount --bind "$VCACHE_DIR" "$VCACHE_DIR"; mount -o remount,bind,ro "$VCACHE_DIR"' \
        "${twice[@]}" "$vcache" "$client" "${reads[@]}"
    sha256sum --check --quiet before
}

@test "the directory of another user is not used, and not touched" {
    needs_root
    expect "${reads[@]}"
    mkdir -m 777 "$VCACHE_DIR"
    chown "$nobody" "$VCACHE_DIR"
    passes_through "$vcache" "$client" "${reads[@]}"
    [ -z "$(ls -A "$VCACHE_DIR")" ]
    [ "$(stat -c %a "$VCACHE_DIR")" = 777 ]
}

@test "files of another user in one's own directory are not used, and not touched" {
    needs_root
    local file
    expect "${reads[@]}"
    works_again
    for file in "$VCACHE_DIR"/*; do
        chown "$nobody" "$file"
        sha256sum "$file" >before
        right_cached "${reads[@]}"
        if [ -e "$file" ] && [ "$(stat -c %u "$file")" -eq "$nobody" ]; then sha256sum --check --quiet before; fi
        rm -rf "$VCACHE_DIR"
        works_again
    done
}

@test "a directory that is a link is not followed" {
    expect "${reads[@]}"
    mkdir -m 700 elsewhere
    ln -s "$PWD/elsewhere" "$VCACHE_DIR"
    passes_through "$vcache" "$client" "${reads[@]}"
    passes_through "$vcache" "$client" "${reads[@]}"
    [ -z "$(ls -A elsewhere)" ]
}

@test "a file or a FIFO in the directory's place" {
    expect "${reads[@]}"
    echo mine >"$VCACHE_DIR"
    passes_through "$vcache" "$client" "${reads[@]}"
    [ "$(cat "$VCACHE_DIR")" = mine ]
    rm "$VCACHE_DIR"
    mkfifo "$VCACHE_DIR"
    passes_through "$vcache" "$client" "${reads[@]}"
    [ -p "$VCACHE_DIR" ]
}

@test "links, FIFOs, directories and devices in the places of the cache's files" {
    local file kind
    expect "${reads[@]}"
    head -c 300000 /dev/urandom >victim
    sha256sum victim >before
    for file in data.mdb lock.mdb shared shared.new locks; do
        for kind in link dangling fifo directory; do
            rm -rf "$VCACHE_DIR"
            mkdir -m 700 "$VCACHE_DIR"
            case $kind in
                link) ln -s "$PWD/victim" "$VCACHE_DIR/$file" ;;
                dangling) ln -s "$PWD/made-through-a-link" "$VCACHE_DIR/$file" ;;
                fifo) mkfifo "$VCACHE_DIR/$file" ;;
                directory) mkdir "$VCACHE_DIR/$file" ;;
            esac
            right_cached "${reads[@]}" || { echo "$file is a $kind" && return 1; }
        done
    done
    sha256sum --check --quiet before
    [ ! -e made-through-a-link ]
}

@test "a path that is too long, a relative one, an umask that takes everything" {
    local path bare=(env -u HOME -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME "LD_PRELOAD=$shim")
    expect "${reads[@]}"
    for path in "/$(printf 'x%.0s' {1..300})" "/$(printf 'x/%.0s' {1..2500})" relative; do
        passes_through "${bare[@]}" "VCACHE_DIR=$path" "$client" "${reads[@]}"
    done
    [ ! -e relative ]
    right sh -c 'umask 777; exec "$@"' sh "$vcache" "$client" "${reads[@]}"
    right sh -c 'umask 0; exec "$@"' sh "$vcache" "$client" "${reads[@]}"
    is_warm
    [ "$(stat -c %a "$VCACHE_DIR")" = 700 ]
    [ "$(stat -c %a "$VCACHE_DIR"/* | sort -u)" = 600 ]
}

@test "one directory for root and another user: each gets right answers, and only its owner uses it" {
    needs_root
    public
    export VCACHE_DIR=$PUBLIC/cache
    expect "${reads[@]}"
    works_again
    passes_through "${as_nobody[@]}" "$vcache" "$client" "${reads[@]}"
    is_warm
    rm -rf "$VCACHE_DIR"
    mkdir -m 700 "$VCACHE_DIR"
    chown "$nobody:$nobody" "$VCACHE_DIR"
    right "${as_nobody[@]}" "$vcache" "$client" "${reads[@]}"
    vcenter_reset
    right "${as_nobody[@]}" "$vcache" "$client" "${reads[@]}"
    origin_was_asked
    passes_through "$vcache" "$client" "${reads[@]}"
    [ -z "$(find "$VCACHE_DIR" -uid 0)" ]
}

# ---- the disk ------------------------------------------------------------------------------------

@test "a disk without room: from the start, and at whatever moment it fills up" {
    needs_mounts
    local size
    plainly expected sh -c '"$@"; "$@"' sh "$client" hello login names counters names
    for size in 8k 64k 192k 256k 320k 384k 400k 420k 448k 512k 640k 768k 1m 1500k 2m 4m 16m; do
        right "$in_mounts" "mkdir -p '$VCACHE_DIR'; mount -t tmpfs -o mode=700,size=$size none '$VCACHE_DIR'" \
            sh -c '"$@"; "$@"' sh "$vcache" "$client" hello login names counters names || { echo "size $size" && return 1; }
    done
}

@test "a disk that is full, and one that has no inode left" {
    needs_mounts
    local inodes
    plainly expected sh -c '"$@"; "$@"' sh "$client" "${reads[@]}"
    passes_through "$in_mounts" "mkdir -p '$VCACHE_DIR'; mount -t tmpfs -o mode=700,size=1m none '$VCACHE_DIR'
        head -c 2000000 /dev/zero >'$VCACHE_DIR/other' 2>/dev/null || :" \
        sh -c '"$@"; "$@"' sh "$vcache" "$client" "${reads[@]}"
    for inodes in 1 2 3 4 5; do
        right "$in_mounts" "mkdir -p '$VCACHE_DIR'; mount -t tmpfs -o mode=700,nr_inodes=$inodes none '$VCACHE_DIR'" \
            sh -c '"$@"; "$@"' sh "$vcache" "$client" "${reads[@]}" || { echo "$inodes inodes" && return 1; }
    done
}

@test "on a disk that has become full, a write is still seen by every reader" {
    needs_mounts
    mkdir -p "$VCACHE_DIR"
    run_into run "$in_mounts" "mount -t tmpfs -o mode=700,size=2m none '$VCACHE_DIR'" sh -c '
        "$@" login mkdir full-before folders folders >/dev/null
        cat /dev/zero >"$VCACHE_DIR/other" 2>/dev/null
        "$@" login mkdir full-after >/dev/null
        "$@" login folders' sh "$vcache" "$client"
    grep '^folders: 200.* full-before full-after' run.out
}

@test "every call on the cache's files fails once, with the errors it may have" {
    needs_tracing
    local pair call error when
    expect "${reads[@]}"
    on_the_cache
    for pair in openat=EMFILE openat=EACCES mmap=ENOMEM pwrite64=ENOSPC pwrite64=EIO fallocate=ENOSPC fcntl=ENOLCK \
        fcntl=EINTR ftruncate=EIO newfstatat=EACCES pread64=EIO renameat=EROFS unlinkat=EACCES fstatfs=EIO fchmod=EPERM; do
        call=${pair%=*} error=${pair#*=}
        for when in 1 2 3 5 8; do
            rm -rf "$VCACHE_DIR"
            traced "$call" "error=$error:when=$when"
            right "${traced[@]}" "${on_the_cache[@]}" "$client" "${reads[@]}" ||
                { echo "$call: $error at call $when" && return 1; }
            # Fewer such calls there are none.
            if ! says INJECTED trace; then break; fi
        done
    done
    # The machinery is right: a store writes more than once.
    traced pwrite64 error=EIO:when=2
    rm -rf "$VCACHE_DIR"
    right "${traced[@]}" "${on_the_cache[@]}" "$client" "${reads[@]}"
    says INJECTED trace
}

# ---- damage --------------------------------------------------------------------------------------

# A warm cache in the directory "warm", from which every trial begins.
make_warm() {
    expect "${reads[@]}"
    works_again
    cp -a "$VCACHE_DIR" warm
}

restored() {
    rm -rf "$VCACHE_DIR"
    cp -a warm "$VCACHE_DIR"
}

# survives FILE HOW SEED: two runs are right; when something is to be seen of the damage, so is the third, warm.
survives() {
    restored
    "$python" "$faults/damage.py" "$VCACHE_DIR/$1" "$2" "$3"
    if right_cached "${reads[@]}" && right_cached "${reads[@]}" && is_warm; then return 0; fi
    echo "after: damage.py $1 $2 $3"
    return 1
}

@test "data.mdb is garbage, zeros, empty or cut" {
    local seed
    make_warm
    for seed in 1 2 3; do
        survives data.mdb garbage "$seed"
        survives data.mdb cut "$seed"
        survives data.mdb middle "$seed"
    done
    survives data.mdb zeros 1
    survives data.mdb empty 1
}

@test "single pages and bits of data.mdb are damaged" {
    local seed how
    make_warm
    for how in page bits swap; do
        for ((seed = 1; seed <= 25; seed++)); do
            restored
            "$python" "$faults/damage.py" "$VCACHE_DIR/data.mdb" "$how" "$seed"
            right_cached "${reads[@]}" || { echo "damage.py data.mdb $how $seed" && return 1; }
        done
    done
}

@test "a damaged cache is made anew, and that is counted" {
    make_warm
    "$python" "$faults/damage.py" "$VCACHE_DIR/data.mdb" garbage 7
    zero
    right_cached "${reads[@]}"
    [ "$(counter event.remade)" -eq 1 ]
    is_warm
}

@test "the files beside data.mdb are garbage, zeros, empty or cut" {
    local seed file how
    make_warm
    for file in shared lock.mdb locks; do
        for how in garbage zeros bits empty cut; do
            if [ "$file" = locks ]; then
                # It is empty by nature: what stands in it is nobody's business.
                if [ "$how" != garbage ]; then continue; fi
                restored
                echo garbage >"$VCACHE_DIR/locks"
                right_cached "${reads[@]}"
                is_warm
                continue
            fi
            for seed in 1 2; do survives "$file" "$how" "$seed"; done
        done
    done
}

@test "any of the files is missing" {
    local file
    make_warm
    for file in shared lock.mdb locks data.mdb; do
        restored
        rm "$VCACHE_DIR/$file"
        right_cached "${reads[@]}"
        is_warm
    done
}

@test "the files are damaged, cut and removed while a program runs" {
    local how file
    mkfifo here there
    plainly expected sh -c '(: >here; : >there) & "$@"' sh "$client" hello login names counters meet here meet there names counters hello
    for file in data.mdb lock.mdb shared; do
        for how in garbage middle bits cut empty remove; do
            # What every instruction reads cannot be looked after: vcache itself never cuts it.
            if [ "$file" = shared ] && [[ $how = cut || $how = empty ]]; then continue; fi
            rm -rf "$VCACHE_DIR"
            cached warming "$client" hello login names
            in_background run "$vcache" "$client" hello login names counters meet here meet there names counters hello
            opened here
            if [ "$how" = remove ]; then rm "$VCACHE_DIR/$file"; else "$python" "$faults/damage.py" "$VCACHE_DIR/$file" "$how" 1; fi
            opened there
            wait "$!"
            same expected run || { echo "$file: $how" && return 1; }
        done
    done
}

@test "a cache of another boot is made anew, and that is counted" {
    needs_mounts
    expect "${reads[@]}"
    works_again
    echo 01234567-89ab-cdef-0123-456789abcdef >boot_id
    local other_boot=("$in_mounts" 'mount --bind boot_id /proc/sys/kernel/random/boot_id')
    vcenter_reset
    right "${other_boot[@]}" "$vcache" "$client" "${reads[@]}"
    origin_was_asked RetrieveServiceContent Login RetrievePropertiesEx RetrievePropertiesEx
    run_into stat "${other_boot[@]}" "$build/vcache-stat" --print-stats
    [ "$(awk '$1 == "event.remade" {print $2}' stat.out)" -eq 1 ]
    vcenter_reset
    right "${other_boot[@]}" "$vcache" "$client" "${reads[@]}"
    origin_was_asked
    # Back again, the same.
    vcenter_reset
    right_cached "${reads[@]}"
    origin_was_asked RetrieveServiceContent Login RetrievePropertiesEx RetrievePropertiesEx
    is_warm
}

@test "without /proc there is no cache, and the program runs" {
    needs_mounts
    expect "${reads[@]}"
    passes_through "$in_mounts" 'mount -t tmpfs none /proc' env "LD_PRELOAD=$shim" "$client" "${reads[@]}"
}

# ---- other processes -----------------------------------------------------------------------------

@test "the table of readers is full, and then its holders are dead" {
    expect "${reads[@]}"
    works_again
    "$made/readers" "$VCACHE_DIR" >taken 3>&- &
    local holder=$!
    awaits test -s taken
    [ "$(cat taken)" -gt 100 ]
    passes_through "$vcache" "$client" "${reads[@]}"
    kill -KILL "$holder"
    wait "$holder" || true
    works_again
}

@test "many processes hold a reader each" {
    local number
    mkfifo go
    expect hello login names names
    for ((number = 0; number < 40; number++)); do
        in_background "many$number" "$vcache" "$client" hello login names meet go names
    done
    for ((number = 0; number < 40; number++)); do until_said "many$number" 3; done
    while [ -n "$(jobs -r)" ]; do timeout 1 sh -c ': >go' || true; done
    wait
    for ((number = 0; number < 40; number++)); do same expected "many$number"; done
}

@test "SIGKILL at every step of a store" {
    needs_tracing
    local call when
    expect "${reads[@]}"
    on_the_cache
    for call in pwrite64 ftruncate fallocate unlinkat renameat mmap fcntl; do
        for ((when = 1; when <= 60; when++)); do
            rm -rf "$VCACHE_DIR"
            traced "$call" "signal=KILL:when=$when"
            run_into killed "${traced[@]}" "${on_the_cache[@]}" "$client" "${reads[@]}"
            if [ "$(cat killed.status)" -eq 0 ]; then break; fi
            [ "$(cat killed.status)" -eq 137 ]
            right_cached "${reads[@]}" || { echo "killed at $call number $when" && return 1; }
        done
        [ "$when" -gt 1 ] || [ "$call" = ftruncate ]
    done
    is_warm
}

@test "SIGKILL at random moments" {
    local try
    expect "${reads[@]}"
    for ((try = 0; try < 40; try++)); do
        if ((try % 8 == 0)); then rm -rf "$VCACHE_DIR"; fi
        "$vcache" "$client" "${reads[@]}" >/dev/null 2>&1 3>&- &
        # A random moment: whichever it is, what follows is right.
        sleep "0.0$((RANDOM % 90 + 10))"
        kill -KILL $! 2>/dev/null || true
        wait $! || true
        if ((try % 3 == 0)); then right_cached "${reads[@]}"; fi
    done
    works_again
}

@test "a program that is stopped while it writes the store holds nobody up, and goes on when it may" {
    needs_tracing
    local when writer
    expect "${reads[@]}"
    for when in 1 3 9; do
        rm -rf "$VCACHE_DIR" trace
        traced pwrite64 "signal=STOP:when=$when"
        in_background stopped "${traced[@]}" "$client" "${reads[@]}"
        awaits appears 'stopped by SIGSTOP' trace
        right_cached "${reads[@]}"
        right_cached hello login names counters logout
        right "$python" -c 'import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))' "$vcache" "$client" "${reads[@]}"
        writer=$(awk '/stopped by SIGSTOP/ {print $1; exit}' trace)
        kill -CONT "$writer"
        wait "$!"
        same expected stopped
        works_again
    done
}

@test "a program that is stopped while it writes, and then killed" {
    needs_tracing
    local when
    expect "${reads[@]}"
    for when in 1 4 8 12; do
        rm -rf "$VCACHE_DIR" trace
        traced pwrite64 "signal=STOP:when=$when"
        in_background stopped "${traced[@]}" "$client" "${reads[@]}"
        awaits appears 'stopped by SIGSTOP' trace
        right_cached "${reads[@]}"
        kill -KILL "$(awk '/stopped by SIGSTOP/ {print $1; exit}' trace)"
        wait "$!"
        [ "$(cat stopped.status)" -eq 137 ]
        works_again
    done
}

@test "somebody holds the gate for ever: everything goes on without" {
    local holder
    cached warming "$client" "${reads[@]}"
    plainly expected "$client" login large mkdir gate-plain names
    "$python" "$faults/hold-lock.py" "$VCACHE_DIR/locks" 0 1 >held 3>&- &
    holder=$!
    awaits grep -q held held
    right_cached login large mkdir gate-cached names
    kill -KILL "$holder"
    wait "$holder" || true
    expect "${reads[@]}"
    works_again
}

@test "somebody holds every claim for ever: who waits goes to the origin after a while" {
    local holder
    cached warming "$client" "${reads[@]}"
    expect counters
    zero
    "$python" "$faults/hold-lock.py" "$VCACHE_DIR/locks" 1 0 >held 3>&- &
    holder=$!
    awaits grep -q held held
    right_cached counters
    [ "$(counter event.wait-ended)" -eq 1 ]
    kill -KILL "$holder"
}

@test "somebody takes the gate for ever while a program runs: what is stored is still answered" {
    mkfifo here there
    cached warming "$client" "${reads[@]}"
    expect hello login names counters
    in_background run "$vcache" "$client" hello login names meet here meet there counters
    opened here
    "$python" "$faults/hold-lock.py" "$VCACHE_DIR/locks" 0 1 >held 3>&- &
    local holder=$!
    awaits grep -q held held
    vcenter_reset
    opened there
    awaits finished run
    same expected run
    origin_was_asked
    kill -KILL "$holder"
}

@test "the one who asks for all is stopped: who waits for its answer goes on after a while" {
    expect hello login names
    cached warming "$client" hello login
    vcenter_control '/hold?operation=RetrievePropertiesEx'
    vcenter_reset
    "$vcache" "$client" hello login names >first.out 2>&1 3>&- &
    local first=$!
    awaits_requests 1 RetrievePropertiesEx
    kill -STOP "$first"
    vcenter_control '/release?operation=RetrievePropertiesEx'
    zero
    right_cached hello login names
    [ "$(counter event.wait-ended)" -ge 1 ]
    kill -CONT "$first"
    wait "$first"
    cmp first.out expected.out
}

@test "the one who asks for all is killed: who waits for its answer asks itself" {
    expect hello login names
    cached warming "$client" hello login
    vcenter_control '/hold?operation=RetrievePropertiesEx'
    vcenter_reset
    "$vcache" "$client" hello login names >first.out 2>&1 3>&- &
    local first=$!
    awaits_requests 1 RetrievePropertiesEx
    in_background second "$vcache" "$client" hello login names
    kill -KILL "$first"
    awaits_requests 2 RetrievePropertiesEx
    vcenter_control '/release?operation=RetrievePropertiesEx'
    wait
    same expected second
}

@test "a program killed in the middle of a write: the fence runs out, and nobody sees the state before" {
    export VCACHE_FENCE=2
    expect "${reads[@]}"
    works_again
    right_cached "${reads[@]}"
    run_into folders "$vcache" "$client" login folders
    vcenter_control '/hold?operation=CreateFolder'
    vcenter_reset
    "$vcache" "$client" login mkdir killed-in-the-middle >/dev/null 2>&1 3>&- &
    awaits_requests 1 CreateFolder
    kill -KILL $!
    wait $! || true
    vcenter_control '/release?operation=CreateFolder'
    run_into folders "$vcache" "$client" login folders
    grep killed-in-the-middle folders.out
    awaits is_warm >/dev/null
}

# ---- fork, descriptors, threads ------------------------------------------------------------------

@test "a program that forks before, between and after its requests, and both go on" {
    local fork who at
    for fork in fork clone; do
        for who in parent child; do
            for at in 0 1 3; do
                local steps=(hello login names)
                steps=("${steps[@]:0:at}" "$fork" "$who" "${steps[@]:at}" fresh login names counters hello live)
                expect "${steps[@]}"
                grep -q 'child: status 0' expected.out
                right_cached "${steps[@]}" || { echo "cold: ${steps[*]}" && return 1; }
                right_cached "${steps[@]}" || { echo "warm: ${steps[*]}" && return 1; }
            done
        done
    done
}

@test "a fork while an answer is half read: who keeps the connection reads the rest" {
    local fork who bytes
    expect login large counters
    right_cached login large counters
    for fork in fork clone; do
        for who in parent child; do
            for bytes in 1 300000; do
                local steps=(login begin large "$bytes" "$fork" "$who" finish large counters)
                expect "${steps[@]}"
                right_cached "${steps[@]}" || { echo "${steps[*]}" && return 1; }
            done
        done
    done
}

arrived() { [ "$(find . -name "$1.*" | wc -l)" -eq "$2" ]; }

@test "after a fork parent and child each read the store as themselves" {
    local run fork process
    cached warming "$client" login names counters
    expect login names counters
    for fork in fork clone; do
        rm -f here here.*
        mkfifo here
        in_background run "$vcache" "$client" login names "$fork" parent fresh login names meet here counters
        run=$!
        awaits arrived here 2
        "$made/readers" "$VCACHE_DIR" list >readers
        for process in here.*; do grep -qx "${process#here.}" readers; done
        while kill -0 "$run" 2>/dev/null; do timeout 1 sh -c ': >here' || true; done
        wait "$run"
        [ "$(grep -c '^counters: 200' run.out)" -eq 2 ]
        [ "$(cat run.status)" -eq 0 ]
        # Of both the same.
        [ "$(grep '^names' run.out | sort -u)" = "$(grep '^names' expected.out)" ]
        [ "$(grep '^counters' run.out | sort -u)" = "$(grep '^counters' expected.out)" ]
    done
}

@test "a fork while an answer is half read: it stays whole in the child, whatever becomes of the store" {
    local version run
    mkfifo here
    expect login names large
    cached warming "$client" login large
    plainly expected sh -c 'while :; do timeout 1 sh -c ": >here"; done & "$@"; status=$?; kill $!; exit $status' sh \
        "$client" login begin large 200000 fork child meet here finish names
    rm here.*
    in_background run "$vcache" "$client" login begin large 200000 fork child meet here finish names
    run=$!
    # The parent has let go of it by now.
    awaits arrived here 2
    "$build/vcache-flush" >flushed
    for version in 1 2 3 4 5; do CLIENT_VERSION=$version cached other "$client" login large counters; done
    while kill -0 "$run" 2>/dev/null; do timeout 1 sh -c ': >here' || true; done
    wait "$run"
    same expected run
}

@test "pyVmomi in a program that forks, with os.fork and multiprocessing" {
    plainly expected "$python" "$faults/forks.py" "$scripts"
    went_well expected
    right "$vcache" "$python" "$faults/forks.py" "$scripts"
    right "$vcache" "$python" "$faults/forks.py" "$scripts"
}

@test "a program that closes every descriptor and opens its own: nobody writes into them" {
    local before after=(hello fresh login names counters large mkdir)
    # Its files are longer than the cache's, which could be taken for them.
    export VCACHE_MAX_SIZE=1M
    mkdir files
    for before in '' names 'hello login names' 'login begin large 100000' 'login begin names 1'; do
        rm -rf "$VCACHE_DIR"
        # shellcheck disable=SC2086 # words
        expect $before own "$PWD/files" 24 "${after[@]}" "own-plain-${#before}" names owned
        sha256sum files/* >sums
        [ "$(wc -l <sums)" -eq 24 ]
        # shellcheck disable=SC2086
        right_cached $before own "$PWD/files" 24 "${after[@]}" "own-cached-${#before}" names owned
        sha256sum --check --quiet sums
    done
}

@test "standard input, output and error closed: none of the cache's files takes their places" {
    local pass
    mkdir mine
    cat >closed <<'EOF2'
exec 3>&- 4>&- 0<&- 1>&- 2>&-
"$@"
status=$?
exec >status
echo $status
EOF2
    # The program prints, and prints into nothing, unless somebody has put something there.
    plainly bare sh closed "$client" "${reads[@]}"
    cp status bare-status
    expect "${reads[@]}"
    for pass in cold warm again; do
        cached under sh closed "$client" "${reads[@]}"
        cmp status bare-status
        same bare under
        right_cached "${reads[@]}" || { echo "$pass" && return 1; }
    done
    is_warm
}

@test "no descriptor of the cache reaches a child" {
    plainly expected "$python" "$faults/descriptors.py" "$scripts"
    went_well expected
    right "$vcache" "$python" "$faults/descriptors.py" "$scripts"
    right "$vcache" "$python" "$faults/descriptors.py" "$scripts"
}

@test "16 threads at once, in C" {
    local mode
    expect hello login threads 16 fresh login names counters hello names large
    [ "$(grep -c '^thread' expected.out)" -eq 16 ]
    for mode in cold warm; do
        right_cached hello login threads 16 fresh login names counters hello names large || { echo "$mode" && return 1; }
    done
    export VCACHE_LOG=$BATS_TEST_TMPDIR/log
    warm() {
        vcenter_reset
        right_cached hello login threads 16 fresh login names counters hello names large
    }
    undisturbed warm
    origin_was_asked
    unset VCACHE_LOG
    rm -rf "$VCACHE_DIR"
    expect poll hello login threads 16 fresh login names counters hello names large
    right_cached poll hello login threads 16 fresh login names counters hello names large
    right_cached poll hello login threads 16 fresh login names counters hello names large
}

@test "16 threads at once, in Python" {
    plainly expected "$python" "$faults/threads.py" 16 "$scripts"
    went_well expected
    right "$vcache" "$python" "$faults/threads.py" 16 "$scripts"
    right "$vcache" "$python" "$faults/threads.py" 16 "$scripts"
}

# ---- limits --------------------------------------------------------------------------------------

@test "few descriptors: where the program can do with them, it still can" {
    local least limit
    expect "${reads[@]}"
    for ((least = 3; least < 40; least++)); do
        run_into run prlimit --nofile="$least" "$client" "${reads[@]}"
        if same expected run >/dev/null; then break; fi
    done
    [ "$least" -lt 40 ]
    for ((limit = least; limit < least + 32; limit++)); do
        right prlimit --nofile="$limit" env "LD_PRELOAD=$shim" "$client" "${reads[@]}" || { echo "$limit descriptors" && return 1; }
    done
    works_again
}

@test "RLIMIT_FSIZE: no SIGXFSZ where the program writes nothing" {
    local limit pass
    # Its output goes through a pipe, for a pipe has no size.
    plainly expected sh -c '{ "$@"; echo "status $?"; } 2>&1 | cat' sh "$client" "${reads[@]}"
    for pass in cold warm; do
        for limit in 0 1 4096 65536 131072 200000 1048576 4194304 16777215 16777216 33554432; do
            if [ "$pass" = cold ]; then rm -rf "$VCACHE_DIR"; fi
            right sh -c '{ prlimit --fsize="$0" "$@"; echo "status $?"; } 2>&1 | cat' "$limit" \
                env "LD_PRELOAD=$shim" "VCACHE_LOG=$PWD/log" "$client" "${reads[@]}" || { echo "$limit bytes, $pass" && return 1; }
        done
    done
}

@test "RLIMIT_AS: where the program fits, it fits with the shim" {
    local least limit
    expect hello login names counters large
    for ((least = 4; least < 200; least++)); do
        run_into run prlimit --as=$((least << 20)) "$client" hello login names counters large
        if same expected run >/dev/null; then break; fi
    done
    [ "$least" -lt 200 ]
    # The object itself and what it opens late need some room.
    for limit in 8 12 16 24 32 64 200 400 900 1100 2000; do
        right prlimit --as=$(((least + limit) << 20)) env "LD_PRELOAD=$shim" VCACHE_MAX_SIZE=1G "$client" hello login names counters large ||
            { echo "$least + $limit MiB" && return 1; }
    done
}

@test "no memory may be locked" {
    expect "${reads[@]}"
    right prlimit --memlock=0 "$vcache" "$client" "${reads[@]}"
    is_warm
}

# ---- libraries, settings -------------------------------------------------------------------------

# without_library NAME: the words that run a program in which it cannot be loaded.
without_library() {
    local path
    path=$(/sbin/ldconfig -p | awk -v name="$1" '$1 == name && /x86-64|AArch64|aarch64/ {print $NF; exit}')
    [ -n "$path" ]
    without=("$in_mounts" "mount --bind /dev/null '$(readlink -f "$path")'")
}

@test "a late library is missing: everything passes through, and the log says which" {
    needs_mounts
    local library
    expect "${reads[@]}"
    for library in liblmdb.so.0 libexpat.so.1; do
        without_library "$library"
        rm -rf "$VCACHE_DIR"
        passes_through "${without[@]}" env "LD_PRELOAD=$shim" "VCACHE_LOG=$PWD/log" "$client" "${reads[@]}"
        passes_through "${without[@]}" env "LD_PRELOAD=$shim" "VCACHE_LOG=$PWD/log" "$client" "${reads[@]}"
        says "$library" log
    done
    without_library libz.so.1
    right "${without[@]}" env "LD_PRELOAD=$shim" "$client" "${reads[@]}"
    right "${without[@]}" env "LD_PRELOAD=$shim" "$client" "${reads[@]}"
}

@test "a late library that lacks what is needed, or is not one" {
    local library
    expect "${reads[@]}"
    mkdir libraries
    for library in liblmdb.so.0 libexpat.so.1 libz.so.1; do
        echo 'int nothing_here;' | gcc -shared -fPIC -x c - -o "libraries/$library"
    done
    right env "LD_LIBRARY_PATH=$PWD/libraries" "LD_PRELOAD=$shim" "$client" "${reads[@]}"
    passes_through env "LD_LIBRARY_PATH=$PWD/libraries" "LD_PRELOAD=$shim" "$client" "${reads[@]}"
}

@test "inside the shim a setting that cannot be read means the default" {
    local -A wrong=([VCACHE_TTL]=abc [VCACHE_MAX_SIZE]=-1 [VCACHE_SESSION_IDLE]=x [VCACHE_FENCE]=1x [VCACHE_DISABLE]=yes
        [VCACHE_LOG_LEVEL]=loud [VCACHE_HOSTS]='' [VCACHE_CONNECT]=never [VCACHE_STALE_IF_ERROR]=x)
    local name
    unset VCACHE_TTL VCACHE_MAX_SIZE
    expect "${reads[@]}"
    for name in "${!wrong[@]}"; do
        rm -rf "$VCACHE_DIR"
        right env "LD_PRELOAD=$shim" "$name=${wrong[$name]}" "$client" "${reads[@]}"
        # Within the default's 15 seconds; a machine that is too slow for it gets another try.
        vcenter_reset
        right env "LD_PRELOAD=$shim" "$name=${wrong[$name]}" "$client" "${reads[@]}"
        origin_was_asked >/dev/null || { vcenter_reset && right env "LD_PRELOAD=$shim" "$name=${wrong[$name]}" "$client" "${reads[@]}"; }
        origin_was_asked || { echo "$name=${wrong[$name]}" && return 1; }
    done
    right env "LD_PRELOAD=$shim" "VCACHE_TTL=$(printf '1,%.0s' {1..30000})" "VCACHE_HOSTS=$(printf 'x,%.0s' {1..30000})" "$client" "${reads[@]}"
}

@test "a log that cannot be written: full, a directory, a FIFO that nobody reads, a closed pipe" {
    local log
    expect "${reads[@]}"
    mkfifo fifo
    mkdir directory
    for log in /dev/full "$PWD/directory" "$PWD/fifo" /proc/none "$PWD/none/log"; do
        right env "LD_PRELOAD=$shim" "VCACHE_LOG=$log" VCACHE_LOG_LEVEL=debug "$client" "${reads[@]}" || { echo "$log" && return 1; }
    done
    # stderr as a pipe that nobody reads: closed at its end, or full.
    for log in closed full; do
        right "$python" "$faults/bad-stderr.py" "$log" env "LD_PRELOAD=$shim" VCACHE_LOG=stderr VCACHE_LOG_LEVEL=debug \
            "$client" sigpipe "${reads[@]}" || { echo "$log" && return 1; }
    done
}

# ---- in the middle of a run ----------------------------------------------------------------------

# visible_after NAME COMMANDS: two programs have the cache open; then COMMANDS happen to its directory; then one writes.
visible_after() {
    local name=$1
    mkfifo a1 a2 b1 b2
    cached before "$client" login mkdir "$name-before"
    in_background a "$vcache" "$client" login folders names meet a1 meet a2 mkdir "$name-after" folders
    in_background b "$vcache" "$client" login folders names meet b1 meet b2 folders names folders
    opened a1
    opened b1
    bash -euc "$2"
    opened a2
    awaits finished a
    opened b2
    wait
    cat a.out b.out a.err b.err
    grep -q "^folders:.* $name-after" a.out
    # Both of its reads after the write show it.
    [ "$(grep -c "^folders:.* $name-after" b.out)" -eq 2 ]
    [ "$(cat a.status)$(cat b.status)" = 00 ]
    [ ! -s a.err ]
    [ ! -s b.err ]
    # And so does whoever comes later, and finds what lies there now.
    cached later "$client" login folders
    grep -q "^folders:.* $name-after" later.out
}
finished() { [ -s "$1.status" ]; }

@test "the cache is removed in the middle of two programs: what one writes, the other reads" {
    visible_after removed 'rm -rf "$VCACHE_DIR"'
}

@test "the cache's files are removed in the middle of two programs" {
    visible_after files 'rm -f "$VCACHE_DIR"/*'
}

@test "the cache is moved away in the middle of two programs, and another is there" {
    export vcache client
    visible_after moved 'mv "$VCACHE_DIR" "$VCACHE_DIR.old"; "$vcache" "$client" login folders >/dev/null'
}

@test "the cache is moved away and comes back" {
    export vcache client
    visible_after back 'mv "$VCACHE_DIR" "$VCACHE_DIR.old"; "$vcache" "$client" login folders >/dev/null
        rm -rf "$VCACHE_DIR"; mv "$VCACHE_DIR.old" "$VCACHE_DIR"'
}

@test "the file of generations alone is removed in the middle of two programs" {
    visible_after shared 'rm "$VCACHE_DIR/shared"'
}

@test "the file of generations alone is replaced in the middle of two programs" {
    visible_after replaced 'cp -a "$VCACHE_DIR/shared" "$VCACHE_DIR/copy"; mv "$VCACHE_DIR/copy" "$VCACHE_DIR/shared"'
}

@test "vcache-flush, and many writers, in the middle of another program's reading of a large answer" {
    mkfifo here there
    plainly expected sh -c '(: >here; : >there) & "$@"' sh "$client" login begin large 200000 meet here meet there finish names
    right_cached login large || true
    in_background run "$vcache" "$client" login begin large 200000 meet here meet there finish names
    opened here
    vcenter_reset
    "$build/vcache-flush" >flushed
    # The pages that were freed are written to again, and again.
    for _ in 1 2 3; do
        cached other "$client" login large names counters
        "$build/vcache-flush" >flushed
    done
    opened there
    wait
    same expected run
}

@test "the cache overflows in the middle of another program's reading of a large answer" {
    local number
    export VCACHE_MAX_SIZE=12M
    mkfifo here there
    plainly expected sh -c '(: >here; : >there) & "$@"' sh "$client" login begin large 200000 meet here meet there finish names
    cached first "$client" login large
    in_background run "$vcache" "$client" login begin large 200000 meet here meet there finish names
    opened here
    for number in {1..16}; do
        CLIENT_VERSION=6.5.$number cached other "$client" login large counters
    done
    [ "$(counter event.evicted)" -gt 0 ]
    opened there
    wait
    same expected run
}

# ---- the origin ----------------------------------------------------------------------------------

@test "the program's own time-outs at a slow origin" {
    # Short where nothing comes; what does come may take longer on a machine that is busy.
    local manner steps=(hello login timeout 300 names timeout 60000 hello)
    for manner in '' poll; do
        rm -rf "$VCACHE_DIR"
        cached warming "$client" hello login
        vcenter_control '/hold?operation=RetrievePropertiesEx'
        expect $manner "${steps[@]}"
        [ "$(grep -c ': 200 ' expected.out)" -eq 3 ]
        right_cached $manner "${steps[@]}" || { echo "$manner" && return 1; }
        vcenter_control '/release?operation=RetrievePropertiesEx'
    done
    vcenter_control '/hold?operation=FindByInventoryPath'
    plainly expected "$python" "$faults/patient.py" 1 "$scripts"
    grep -qi 'time.*out' expected.out
    right "$vcache" "$python" "$faults/patient.py" 1 "$scripts"
    vcenter_control '/release?operation=FindByInventoryPath'
    plainly expected "$python" "$faults/patient.py" 30 "$scripts"
    right "$vcache" "$python" "$faults/patient.py" 30 "$scripts"
    right "$vcache" "$python" "$faults/patient.py" 30 "$scripts"
}

@test "the origin resets, breaks off, fails, or is silent" {
    local trouble operation
    for trouble in reset=1 truncate=1 before=1 status=503 fault=RuntimeFault; do
        for operation in RetrieveServiceContent Login RetrievePropertiesEx; do
            rm -rf "$VCACHE_DIR"
            vcenter_control "/fail?$trouble&times=1&operation=$operation"
            expect hello login names counters hello
            vcenter_control "/fail?$trouble&times=1&operation=$operation"
            right_cached hello login names counters hello || { echo "$operation: $trouble" && return 1; }
            vcenter_control '/fail?times=0'
            # Nothing of it was kept.
            expect hello login names counters hello
            right_cached hello login names counters hello || { echo "after $operation: $trouble" && return 1; }
        done
    done
}

@test "the origin is gone: who connects is refused, cold and warm" {
    another_vcenter gone --vms 4
    cached warming "$client" hello login names
    vcenter_stop
    # Who need not connect would be answered (deferred.bats).
    export VCACHE_CONNECT=eager
    # The port may be somebody else's by now only if it was given out again; nobody listens on it.
    plainly expected "$client" hello login names
    grep -q refused expected.out
    right_cached hello login names
    rm -rf "$VCACHE_DIR"
    right_cached hello login names
    plainly expected "$python" "$faults/patient.py" 0 "$scripts"
    right "$vcache" "$python" "$faults/patient.py" 0 "$scripts"
}

# ---- signals, threads, ends ----------------------------------------------------------------------

# interrupted NAME COMMAND…: SIGINT while its read is held at the origin.
interrupted() {
    local name=$1 child status=0
    shift
    vcenter_reset
    # A background command ignores SIGINT, unless it is told otherwise.
    env --default-signal=INT "$@" >"$name.out" 2>"$name.err" 3>&- &
    child=$!
    awaits_requests 1 FindByInventoryPath
    awaits is_asleep "$child"
    kill -INT "$child"
    wait "$child" || status=$?
    echo "$status" >"$name.status"
}
is_asleep() { grep -q '^State:.S' "/proc/$1/status"; }

@test "SIGINT while the origin is waited for" {
    vcenter_control '/hold?operation=FindByInventoryPath'
    interrupted expected "$python" "$faults/patient.py" 0 "$scripts"
    says interrupted expected.out
    interrupted run "$vcache" "$python" "$faults/patient.py" 0 "$scripts"
    same expected run
    vcenter_control '/release?operation=FindByInventoryPath'
}

@test "SIGINT while another process's answer is waited for" {
    expect hello login names
    cached warming "$client" hello login
    vcenter_control '/hold?operation=RetrievePropertiesEx'
    vcenter_reset
    in_background first "$vcache" "$client" hello login names
    awaits_requests 1 RetrievePropertiesEx
    env --default-signal=INT "$vcache" "$client" hello login names >second.out 2>second.err 3>&- &
    local second=$! status=0
    until_said second 2
    awaits is_asleep "$second"
    kill -INT "$second"
    wait "$second" || status=$?
    [ "$status" -eq 130 ]
    vcenter_control '/release?operation=RetrievePropertiesEx'
    wait
    same expected first
    right_cached hello login names
}

@test "a signal handler that jumps out of a call, a thread that is cancelled in one" {
    mkfifo meeting
    cached warming "$client" hello login
    vcenter_control '/hold?operation=RetrievePropertiesEx'
    local kind name
    for kind in plain cached; do
        vcenter_reset
        name=jump-$kind
        if [ "$kind" = plain ]; then set -- "$client"; else set -- "$vcache" "$client"; fi
        "$@" hello login jump names hello login hello live >"$name.out" 2>"$name.err" 3>&- &
        awaits_requests 1 RetrievePropertiesEx
        awaits is_asleep $!
        kill -USR1 $!
        wait $!
        vcenter_reset
        in_background "cancel-$kind" "$@" hello login cancel names meeting hello login hello live
        awaits_requests 1 RetrievePropertiesEx
        opened meeting
        wait $!
        vcenter_reset
        in_background "exit-$kind" "$@" hello login exit names meeting
        awaits_requests 1 RetrievePropertiesEx
        opened meeting
        wait $!
    done
    vcenter_control '/release?operation=RetrievePropertiesEx'
    says interrupted jump-plain.out
    cmp jump-plain.out jump-cached.out
    cmp jump-plain.err jump-cached.err
    same cancel-plain cancel-cached
    says cancelled cancel-plain.out
    same exit-plain exit-cached
    [ "$(cat exit-plain.status)" -eq 7 ]
    expect "${reads[@]}"
    works_again
}

@test "a program that asks in an atexit handler" {
    expect hello login names atexit names counters live logout
    right_cached hello login names atexit names counters live logout
    right_cached hello login names atexit names counters live logout
    expect atexit "${reads[@]}"
    right_cached atexit "${reads[@]}"
    right_cached atexit "${reads[@]}"
}

# ---- after logging out ---------------------------------------------------------------------------

@test "after a logout that was answered here the session is no longer the program's" {
    local pass
    local steps=(login names logout names mkdir never-made live login names as reader@vsphere.local vcache-Secret-2 login
        logout login names logout logout)
    expect "${steps[@]}"
    grep -q '^mkdir: 500' expected.out
    for pass in cold warm; do right_cached "${steps[@]}" || { echo "$pass" && return 1; }; done
    cached folders "$client" login folders
    run ! says never-made folders.out
}

# ---- other rights --------------------------------------------------------------------------------

@test "a program that has become another user uses the cache of neither" {
    needs_root
    expect login names user "$nobody" connect login names counters
    right_cached login names user "$nobody" connect login names counters
    right_cached login names user "$nobody" connect login names counters
    [ -z "$(find "$VCACHE_DIR" -uid "$nobody")" ]
}

@test "a program that runs with rights that its user has not uses no cache" {
    needs_root
    public
    export VCACHE_DIR=$PUBLIC/cache
    mkdir -m 700 "$VCACHE_DIR"
    chown "$nobody" "$VCACHE_DIR"
    expect user "$nobody" "${reads[@]}"
    passes_through "$vcache" "$client" user "$nobody" "${reads[@]}"
    [ -z "$(ls -A "$VCACHE_DIR")" ]
}

@test "a setuid program: the loader leaves the shim out" {
    needs_root
    public
    chmod u+s "$client"
    expect "${reads[@]}"
    passes_through "${as_nobody[@]}" env "LD_PRELOAD=$PUBLIC/libvcache.so" "VCACHE_DIR=$PUBLIC/cache" "$client" "${reads[@]}"
    [ ! -e "$PUBLIC/cache" ]
}

@test "a setuid program that the shim does get into: no cache, no log, nothing of what its caller set" {
    needs_root
    public
    mkdir "$PUBLIC/libraries"
    cp "$shim" "$PUBLIC/libraries"
    chmod 4755 "$PUBLIC/libraries/libvcache.so"
    chmod u+s "$client"
    local system
    system=$(dirname "$(readlink -f "$(/sbin/ldconfig -p | awk '$1 == "libssl.so.3" {print $NF; exit}')")")
    local over="mount -t overlay overlay -o lowerdir=$PUBLIC/libraries:$system $system"
    "$in_mounts" "$over" true 2>/dev/null || skip "overlays cannot be mounted here"
    expect "${reads[@]}"
    "$in_mounts" "$over" "${as_nobody[@]}" env LD_PRELOAD=libvcache.so LD_DEBUG=libs /bin/true 2>&1 | grep -q 'libvcache.so'
    passes_through "$in_mounts" "$over" "${as_nobody[@]}" env LD_PRELOAD=libvcache.so "VCACHE_DIR=$PUBLIC/cache" \
        "VCACHE_LOG=$PUBLIC/log" "$client" "${reads[@]}"
    [ ! -e "$PUBLIC/cache" ]
    [ ! -e "$PUBLIC/log" ]
}
