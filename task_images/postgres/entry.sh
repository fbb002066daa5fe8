#!/bin/sh
# Lays out the database's files at the first start, then becomes PostgreSQL, which is process 1 from then on. What
# takes time here is a child, and the shell sits in `wait`, which a signal ends at once.

set -e
trap 'exit 143' INT TERM
files=/data/postgres

say() { echo "postgres ${HOSTNAME:-$(hostname)}: $*"; }

fail() {
    say "$*" >&2
    exit 1
}

own_the_files() { # PostgreSQL's own guard is a process id, which says nothing across containers; this is the kernel's
    exec 9>>/data/postgres.lock # stays open in PostgreSQL, and so locked until the last of its processes has ended
    ! flock -n 9 || return 0
    say "another task's PostgreSQL runs on this volume; waits up to $WAIT_SECONDS s until it has ended"
    flock -w "$WAIT_SECONDS" 9 &
    wait $! || fail "the volume is still in use after $WAIT_SECONDS s: two at once would destroy its files"
}

quoted() { # $1: the quote, $2: what is to stand between two of them
    printf '%s%s%s' "$1" "$(printf '%s' "$2" | sed "s/$1/$1$1/g")" "$1"
}

lay_out_the_files() { # beside their place, so that one who is killed half-way has done nothing
    say "first start: lays out database $PGDATABASE of user $PGUSER in $files"
    rm -rf "$files.new"
    mkdir -m 700 "$files.new"
    tar -xzf /var/lib/postgresql/empty.tar.gz -C "$files.new" --strip-components=1 &
    wait $! || fail "cannot write to $files.new"
    user=$(quoted '"' "$PGUSER") database=$(quoted '"' "$PGDATABASE")
    # The database postgres is there already, and quicker renamed than a new one is made: twice, as it may stay postgres.
    postgres --single -j -F -D "$files.new" template1 >/tmp/first.log 2>&1 <<SQL &
CREATE ROLE $user LOGIN PASSWORD $(quoted "'" "$PGPASSWORD");

ALTER DATABASE postgres RENAME TO "renamed";

ALTER DATABASE "renamed" RENAME TO $database;

ALTER DATABASE $database OWNER TO $user;

SQL
    wait $! && ! grep -q ERROR: /tmp/first.log || fail "cannot make it: $(sed -nE 's/.*(ERROR|FATAL): *//p' /tmp/first.log)"
    mv "$files.new" "$files"
}

[ -w /data ] || fail "cannot write to /data as user $(id -u): the folder belongs to user $(stat -c %u /data)"
own_the_files
[ -d "$files" ] || lay_out_the_files
# The last two lines: a client that has vanished frees its locks after seconds, not hours.
exec postgres -D "$files" \
    -c listen_addresses='*' -c unix_socket_directories=/tmp -c shared_buffers=32MB -c jit=off \
    -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=5 \
    -c client_connection_check_interval=1s
