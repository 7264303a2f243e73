#!/usr/bin/env bats
# Real programs that share a login until one of them needs a session of its own: in several languages and manners, with threads
# and children, refused, killed.

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031,SC2154
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/sessions.bash"
vcenter_options=(--vms 10 --uneven)

setup() {
    begin
    export ASK_NAMES=1
    patience=60
    client=$build/tests/clients/client
}

# ---- languages, manners --------------------------------------------------------------------------

# is_the_same_alone COMMAND…: in a session that was lent it says what it says without the shim, and logs in once.
is_the_same_alone() {
    alone bare "$@"
    went_well bare
    lend "$view"
    cached borrower "$@"
    same bare borrower
    logins 1
    [ "$(vcenter_count CreateFilter)" -gt 0 ]
    [ "$(keys)" = "$lent" ]
    still_lent
}

@test "pyVmomi" { is_the_same_alone "$python" "$scripts/wait.py" task DC0_H0_VM0; }
@test "rbvmomi" { is_the_same_alone ruby "$scripts/wait.rb" progress DC0_H0_VM0; }
@test "Perl, on one connection" { is_the_same_alone perl "$scripts/inventory.pl" --filter --keep-alive; }
@test "Perl, a connection for each request" { is_the_same_alone perl "$scripts/inventory.pl" --filter; }
@test "PHP, on one connection" { is_the_same_alone php "$scripts/inventory.php" --filter; }
@test "PHP, a connection for each request" { is_the_same_alone php "$scripts/inventory.php" --filter --close; }

@test "C: a blocking socket" { is_the_same_alone "$client" blocking 1 waits; }
@test "C: select" { is_the_same_alone "$client" select 1 waits; }
@test "C: poll" { is_the_same_alone "$client" poll 1 waits; }
@test "C: epoll, level-triggered" { is_the_same_alone "$client" level 1 waits; }
@test "C: epoll, edge-triggered" { is_the_same_alone "$client" edge 1 waits; }
@test "C: SSL_peek" { is_the_same_alone "$client" peek 1 waits; }
@test "C: a connection for each request, closed after it" { is_the_same_alone "$client" close-late 1 waits; }
@test "C: three bytes written at a time, five read" { is_the_same_alone "$client" tiny 1 waits; }
@test "C: requests that do not fit the send buffer" { is_the_same_alone "$client" moving 1 waits; }

# ---- several logins, threads, children -----------------------------------------------------------

@test "two connections: one waits for updates, the other goes on" {
    local steps=(login "$view" as:view "$filter" updates apart:updates:20 "$name" "$active" "$in_view" "$current"
        "$(rename vm-57 seen)" join "$(rename vm-57 DC0_H0_VM0)" logout) key
    alone bare "$ask" "${steps[@]}"
    lend "$view"
    cached borrower "$ask" "${steps[@]}"
    # The rename's answer and the update come at once.
    sort -o bare.out bare.out
    sort -o borrower.out borrower.out
    made_alike
    same bare borrower
    logins 1
    key=$(at_origin CreateFilter session)
    [ "$(at_origin WaitForUpdatesEx session | sort -u)" = "$key" ]
    [ "$(at_origin SessionIsActive session)" = "$key" ]
    [ "$(at_origin Rename_Task session | sort -u)" = "$key" ]
    [ "$(at_origin WaitForUpdatesEx connection | sort -u | wc -l)" -eq 2 ]
    [ "$(keys)" = "$lent" ]
}

@test "a program that logs in again once it is alone: the second has a session of its own, too" {
    # The second is told of vm-60, the first still of vm-57.
    local steps=(login "$filter" updates save:one close use: login "$(filter_on VirtualMachine vm-60 name)" updates
        save:two use:one "$(rename vm-57 twice)" updates:20 "$(rename vm-57 DC0_H0_VM0)" updates:20 logout
        use:two updates:0 logout)
    unset ASK_NAMES
    alone bare "$ask" "${steps[@]}"
    lend
    cached borrower "$ask" "${steps[@]}"
    made_alike
    same bare borrower
    still_lent
}

@test "a program that logs in twice before it is alone: each has a session of its own" {
    local steps=(login save:one close use: login save:two "$filter" updates use:one
        "$(filter_on VirtualMachine vm-60 name)" updates use:two "$(rename vm-57 twice)" updates:20
        "$(rename vm-57 DC0_H0_VM0)" updates:20 use:one updates:0 logout use:two updates:0 logout)
    unset ASK_NAMES
    alone bare "$ask" "${steps[@]}"
    lend
    cached borrower "$ask" "${steps[@]}"
    made_alike
    same bare borrower
    still_lent
}

@test "threads, each with a login, and each with a filter: C" {
    alone bare "$client" blocking 4 waits
    went_well bare
    lend "$view"
    cached borrower "$client" blocking 4 waits
    same bare borrower
    still_lent
}

@test "threads, each with a login, and each waits for its task: pyVmomi" {
    another_vcenter own --vms 10 --task-time 100ms
    alone bare "$python" "$scripts/threads.py" DC0_H0_VM{0,1,2}
    went_well bare
    [ "$(grep -c success bare.out)" -eq 3 ]
    lend
    cached borrower "$python" "$scripts/threads.py" DC0_H0_VM{0,1,2}
    same bare borrower
    still_lent
}

@test "a child that is forked once its parent is alone is in the same session" {
    local steps=(login "$view" as:view "$filter" as:filter updates close fork updates:0 "$current" "$active" "$in_view" "$unfilter"
        joined "$current" "$active" updates:0 "$in_view" logout)
    alone bare "$ask" "${steps[@]}"
    went_well bare
    lend "$view"
    cached borrower "$ask" "${steps[@]}"
    same bare borrower
    logins 1
    [ "$(keys)" = "$lent" ]
    still_lent
}

@test "a child that is alone leaves its parent where it was" {
    local steps=(login "$name" close fork "$filter" updates joined "$name" "$active" logout)
    alone bare "$ask" "${steps[@]}"
    lend
    cached borrower "$ask" "${steps[@]}"
    same bare borrower
    logins 1
    [ "$(at_origin SessionIsActive session)" = "$lent" ]
    still_lent
}

# ---- whatever becomes of it ----------------------------------------------------------------------

@test "a program that is killed in a session of its own takes nothing with it" {
    lend "$view"
    cached killed "$ask" login "$view" as:view "$filter" updates "$in_view" kill
    [ "$(cat killed.status)" -eq 137 ]
    logins 1
    still_lent
    # In the middle of a wait, and of the login for itself.
    cached killed "$ask" login "$filter" updates pid:pid updates &
    vcenter_control '/await?operation=WaitForUpdatesEx&count=3&seconds=60'
    kill -KILL "$(cat pid)"
    wait
    vcenter_control '/hold?operation=Login' >/dev/null
    cached killed "$ask" login pid:pid "$filter" &
    vcenter_control '/await?operation=Login&count=3&seconds=60'
    kill -KILL "$(cat pid)"
    wait
    vcenter_control /release >/dev/null
    still_lent
    # And the next is alone, as if nothing had been.
    cached borrower "$ask" login "$filter" updates logout
    [ "$(grep -c ' 200 ' borrower.out)" -eq 4 ]
}

# ends_honestly: who is refused a session of its own is told so by the origin, or works in the one it has: it does not
# hang, and no answer is made up.
ends_honestly() {
    cat borrower.err
    [ "$(cat borrower.status)" -eq 0 ] && [ ! -s borrower.err ]
    grep -q '^CreateFilter \(200 .*PropertyFilter\|500 .*Fault\|503\)' borrower.out
    # What it asks after that is answered: by the session it has, or by the origin's refusal.
    grep -q '^read \(200 .*DC0_H0_VM0\|500 .*NotAuthenticated\)' borrower.out
}

@test "the password was changed meanwhile: an honest end" {
    lend
    vcenter_control "/password?user=$VCENTER_USER&password=another-Secret-5" >/dev/null
    cached borrower "$ask" login "$filter" "$name" logout
    vcenter_control "/password?user=$VCENTER_USER&password=$VCENTER_PASSWORD" >/dev/null
    logins 1
    ends_honestly
}

@test "no more sessions are to be had: an honest end" {
    another_vcenter own --vms 10 --uneven --max-sessions 1
    lend
    cached borrower "$ask" login "$filter" "$name" logout
    logins 1
    ends_honestly
}

@test "the login for itself gets a fault that is none of its own: an honest end" {
    lend
    vcenter_control '/fail?fault=HostNotConnected&operation=Login' >/dev/null
    cached borrower "$ask" login "$filter" "$name" logout
    ends_honestly
}

@test "the connection breaks in the login for itself: an error, or an answer, and no hang" {
    local how
    lend
    for how in reset truncate before; do
        vcenter_control "/fail?$how=1&operation=Login" >/dev/null
        cached borrower "$ask" login "$filter" "$name" "$filter" updates "$active" logout
        [ "$(cat borrower.status)" -eq 0 ]
        [ "$(wc -l <borrower.out)" -eq 7 ]
        # When the second try is made nothing is in the way.
        [ "$(grep -c '^updates 200 .*DC0_H0_VM0' borrower.out)" -eq 1 ]
        vcenter_control '/fail?times=0' >/dev/null
    done
    still_lent
}

@test "who has a cookie and was seen to log in by nobody is left alone" {
    plainly stranger "$ask" login save:cookie key:key
    vcenter_reset
    cached bare "$ask" use:cookie "$filter" as:filter updates "$german" "$unfilter" logout
    [ "$(grep -c ' 200 ' bare.out)" -eq 5 ]
    logins 0
    [ "$(at_origin CreateFilter session)" = "$(cat key)" ]
    [ "$(vcenter_sessions)" -eq 0 ]
}
