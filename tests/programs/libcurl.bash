# What the tests of libcurl share: the judge (curl/judge.h), a program on libcurl that prints all it is told, on both
# flavours of the library, without the shim, cold and warm.
# shellcheck source-path=SCRIPTDIR disable=SC2034

source "$BATS_TEST_DIRNAME/common.bash"

setup() { begin_judged; }

clients=$build/tests/clients
flavours=(judge judge-gnutls)

begin_judged() {
    begin
    # In pieces the answer comes chunked, and a stored one has a length: libcurl-framing.bats.
    vcenter_control '/framing?mode=length' >/dev/null
}

origin_saw_nothing() { origin_was_not_asked && [ "$(vcenter_connections)" -eq 0 ]; }

# judged STEP…: each flavour tells the same without the shim, cold and warm. The flavour and what the origin was asked in
# its warm run are left for what comes after: `judged_here` demands that it was nothing.
judged() {
    local judge
    for judge in "${flavours[@]}"; do
        judged_by "$judge" "$@" || { echo "by $judge" && return 1; }
    done
}
judged_here() {
    local judge
    for judge in "${flavours[@]}"; do
        judged_by "$judge" "$@" && origin_saw_nothing || { echo "by $judge" && return 1; }
    done
}
judged_by() {
    local judge=$clients/$1
    rm -rf "$VCACHE_DIR"
    plainly bare "$judge" "${@:2}"
    [ ! -s bare.err ] && [ "$(cat bare.status)" -eq 0 ] || { cat bare.err && return 1; }
    cached cold "$judge" "${@:2}"
    same bare cold || return
    vcenter_reset
    cached warm "$judge" "${@:2}"
    same bare warm
}

# logged_in STEP…, logged_in_here STEP…: the same, after a login.
logged_in() { judged ask:login quietly ask:name "$@"; }
logged_in_here() { judged_here ask:login quietly ask:name "$@"; }
