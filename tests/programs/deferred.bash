# What the tests of connections that are put off share: their programs, and what was counted of connections.
# shellcheck source-path=SCRIPTDIR disable=SC2034

source "$BATS_TEST_DIRNAME/common.bash"

client=$build/tests/clients/client
look=$scripts/look.py

connection() { counter "connection.$1"; }

# connected ['name value'…]: these counters of connections and no others are not zero.
connected() {
    diff -u --label expected --label counted <(printf '%s\n' "$@" | grep . | sort) \
        <("$build/vcache-stat" --print-stats | awk '/^connection\./ && $2 > 0 {print substr($1, 12), $2}' | sort)
}

# untouched: the origin has accepted no connection since the last reset.
untouched() { [ "$(vcenter_connections)" -eq 0 ]; }

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
