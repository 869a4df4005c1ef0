# shellcheck shell=sh disable=SC1090,SC2034,SC2154
# nginx that serves files which are not in the page cache, read by its workers, over a Unix socket.
# Sourced by common.sh.

real_unit="KB/s"
real_on_disk=yes

real_missing() {
    command -v nginx >/dev/null || echo "nginx is not installed (Debian: nginx-light)"
    command -v curl >/dev/null || echo "curl is not installed (Debian: curl)"
}

real_prepare() {
    files=4
    kilobytes=${REAL_KILOBYTES:-16000} # each
    mkdir "$scratch/files"
    for number in $(seq "$files"); do
        seq "$number" 9999999999 | head -c "${kilobytes}000" >"$scratch/files/$number"
    done
    sync "$scratch/files/"*
    (cd "$scratch/files" && sha256sum -- *) >"$scratch/sums"
    evict
    if [ "$(fincore -n -b -o PAGES "$scratch/files/1" | tr -d ' ')" != 0 ]; then
        echo "skipped: the file system of $scratch keeps its files in the page cache"
        exit 77
    fi
    cat >"$scratch/nginx.conf" <<END
daemon off;
worker_processes 2;
pid $scratch/nginx.pid;
events {
    worker_connections 64;
}
http {
    access_log off;
    sendfile off;
    output_buffers 2 64k;
    client_body_temp_path $scratch/body;
    proxy_temp_path $scratch/proxy;
    fastcgi_temp_path $scratch/fastcgi;
    uwsgi_temp_path $scratch/uwsgi;
    scgi_temp_path $scratch/scgi;
    server {
        listen unix:$scratch/socket;
        root $scratch/files;
    }
}
END
}

# fetch FILE [OPTION...]
fetch() {
    file=$1
    shift
    curl -sS --unix-socket "$scratch/socket" "$@" "http://localhost/$file"
}

# Drops each file from the page cache.
evict() {
    for number in $(seq "$files"); do
        dd if="$scratch/files/$number" iflag=nocache count=0 status=none
    done
}

real_run() {
    rm -f "$scratch/socket"
    (launch nginx -e stderr -c "$scratch/nginx.conf") >"$scratch/server.log" 2>&1 &
    server_pid=$!
    wait_for "answer of nginx" fetch ''
    evict
    mkdir -p "$scratch/got"
    start_ms=$(date +%s%3N)
    fetchers=
    for number in $(seq "$files"); do
        fetch "$number" --fail >"$scratch/got/$number" &
        fetchers="$fetchers $!"
    done
    for fetcher in $fetchers; do
        wait "$fetcher" || real_fail "a file was not served: $(cat "$scratch/server.log")"
    done
    throughput=$((kilobytes * files * 1000 / ($(date +%s%3N) - start_ms)))
    (cd "$scratch/got" && sha256sum --quiet -c "$scratch/sums") || real_fail "a file is damaged"
    kill -QUIT "$server_pid"
    status=0
    wait "$server_pid" || status=$?
    server_pid=
    result="status $status, files $files"
}
