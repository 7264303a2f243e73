#!/usr/bin/env bats
# Programs that load libraries while they run: each finds what it would without the shim, and whoever is loaded where
# another one was is not taken for it.
#
# Scripts in single quotes are for other shells:
# shellcheck disable=SC2016

# A test is a subshell, on purpose.
# shellcheck source-path=SCRIPTDIR disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

source "$BATS_TEST_DIRNAME/libcurl.bash"

# ---- where things are found ----------------------------------------------------------------------

# make_loads FLAG: the program and its plugins, each in a directory that only its caller knows.
make_loads() {
    local source=$programs/clients/loads/main.c
    mkdir -p plugins/inner
    echo 'const char *plugin_says(void) { return "the inner one"; }' >inner.c
    gcc "$1" -shared -fPIC inner.c -o plugins/inner/loads-inner.so &&
        gcc "$1" -std=gnu17 -D_GNU_SOURCE -DPLUGIN -shared -fPIC "$source" -o plugins/loads-plugin.so '-Wl,-rpath,$ORIGIN/inner' &&
        cp plugins/loads-plugin.so plugins/curl.so &&
        gcc "$1" -std=gnu17 -D_GNU_SOURCE "$source" -o loads '-Wl,-rpath,$ORIGIN/plugins'
    export LOADS_CURL_SO=$PWD/plugins/curl.so
}
# finds_all COMMAND…: under this shim, the program finds what it finds without.
finds_all() {
    plainly bare ./loads
    went_well bare
    [ "$(grep -c 'loads-inner.so: the inner one' bare.out)" -eq 3 ]
    plainly under "$@" ./loads
    same bare under
}

@test "a caller's RUNPATH, \$ORIGIN and dlerror, however the caller was compiled" {
    local flag
    for flag in -O0 -O2; do
        make_loads $flag
        finds_all "$build/vcache"
    done
}
@test "the same, however the shim was compiled" {
    make_loads -O2
    env -u MAKEFLAGS -u MAKELEVEL make -s -C "$programs/../.." BUILD="$BATS_TEST_TMPDIR/slow" CFLAGS='-O0 -g' \
        "$BATS_TEST_TMPDIR/slow/libvcache.so" >make.out 2>&1 || { cat make.out && return 1; }
    finds_all env "LD_PRELOAD=$BATS_TEST_TMPDIR/slow/libvcache.so"
}

# ---- who is loaded where another was -------------------------------------------------------------

@test "an extension on another libcurl, in the place of one that was unloaded" {
    local both=("$clients/judge.so" "$clients/judge-gnutls.so") steps=(ask:login quietly ask:name perform by:poll perform by:epoll perform)
    plainly bare "$clients/judges" --in-turn "${both[@]}" "${steps[@]}"
    if [ "$status" -eq 77 ]; then skip "it is loaded in another place"; fi
    went_well bare
    [ "$(grep -c '>DC0_H0_VM0<' bare.out)" -eq 12 ]
    [ "$(grep '^with ' bare.out | sort | uniq -c | awk '{print $1}' | xargs)" = '2 2' ]
    cached cold "$clients/judges" --in-turn "${both[@]}" "${steps[@]}"
    same bare cold
    vcenter_reset
    cached warm "$clients/judges" --in-turn "${both[@]}" "${steps[@]}"
    same bare warm
    origin_saw_nothing
}

@test "an extension on another libssl, in the place of one that was unloaded" {
    local sources=$programs/clients/two number
    for number in 1000 2000; do
        sed "s/1000/$number/" "$sources/other_library.c" >library.c
        gcc -shared -fPIC library.c -Wl,--version-script="$sources/other_library.map" -o libssl-$number.so
        gcc -O2 -shared -fPIC "$sources/extension.c" ./libssl-$number.so -o extension-$number.so
    done
    gcc -std=gnu17 -D_GNU_SOURCE "$programs/clients/turns/main.c" -o turns
    plainly bare ./turns ./extension-1000.so ./extension-2000.so
    if [ "$status" -eq 77 ]; then skip "it is loaded in another place"; fi
    [ "$(xargs <bare.out)" = '1010 2010 1010 2010' ]
    cached under ./turns ./extension-1000.so ./extension-2000.so
    same bare under
}
