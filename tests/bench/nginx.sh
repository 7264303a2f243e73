#!/usr/bin/env bash
# Worker: nginx as a caching TLS proxy in front of an origin, as one would set it up for POST: nginx.sh ORIGIN-PORT
# DIRECTORY. Says its port when it is ready, and ends with its standard input.
set -eu

origin=$1 directory=$2
nginx=${NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p "$directory/temporary"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$directory/key.pem" -out "$directory/certificate.pem" \
    -subj /CN=localhost -days 2 2>/dev/null
cat >"$directory/nginx.conf" <<END
worker_processes 1;
daemon off;
pid $directory/pid;
error_log $directory/error.log;
$([ "$(id -u)" -ne 0 ] || echo 'user root;')
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $directory/temporary;
    proxy_temp_path $directory/temporary;
    fastcgi_temp_path $directory/temporary;
    uwsgi_temp_path $directory/temporary;
    scgi_temp_path $directory/temporary;
    client_body_buffer_size 64k;
    proxy_cache_path $directory/cache keys_zone=answers:10m;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $directory/certificate.pem;
        ssl_certificate_key $directory/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {
            proxy_pass https://127.0.0.1:$origin;
            proxy_http_version 1.1;
            proxy_cache answers;
            proxy_cache_methods POST;
            proxy_cache_key "\$request_uri|\$http_cookie|\$request_body";
            proxy_cache_valid 200 1d;
            proxy_ignore_headers Set-Cookie Cache-Control Expires Vary;
        }
    }
}
END
"$nginx" -p "$directory" -c "$directory/nginx.conf" >/dev/null 2>&1 </dev/null &
trap 'kill $! 2>/dev/null; wait $! || true' EXIT
for ((tries = 0; tries < 200; tries++)); do
    if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        echo "$port"
        cat >/dev/null
        exit 0
    fi
    sleep 0.05
done
exit 1
