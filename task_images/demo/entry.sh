#!/bin/sh
# The roles of the demo task image. The shell is process 1, and process 1 has no default signal handlers: without
# the trap below SIGTERM would be ignored, and every stop would take the whole stopTimeout and end in SIGKILL.
# Whatever takes time therefore runs as a child, and the shell sits in `wait`, which a trapped signal ends at once.

trap 'stop' TERM INT # first of all: a signal that comes before it is lost
role=${1:-web}
host=${HOSTNAME:-$(hostname)}
child=
stopped=143 # the exit code when told to stop: the work is not done

say() { echo "$role $host: $*"; }

stop() { # the child too: where two containers share their processes, it would outlive this shell
    [ -z "$child" ] || kill "$child" 2>/dev/null
    say "SIGTERM, stopping"
    exit "$stopped"
}

in_background() { # runs the words given as a child and waits for it
    "$@" &
    child=$!
    wait "$child"
    code=$?
    child=
    return $code
}

whole_seconds() { # $1: from the command, $2: the default. Answers how long to work.
    seconds=${1:-${SECONDS_TO_WORK:-$2}}
    case $seconds in
    *[!0-9]* | 0[0-9]*)
        say "SECONDS_TO_WORK is '$seconds', not a whole number of seconds" >&2
        exit 2
        ;;
    esac
}

work() { # prints its progress, ten lines at most
    every=$(((seconds + 9) / 10))
    done=0
    while [ "$done" -lt "$seconds" ]; do
        left=$((seconds - done))
        [ "$left" -gt "$every" ] || every=$left
        in_background sleep "$every"
        done=$((done + every))
        say "$done of $seconds seconds ($((100 * done / seconds)) %)"
    done
}

web() {
    stopped=0 # told to stop is how its life ends
    site=/chaos/www
    if [ "${HEALTH:-200}" != 200 ]; then # the same page, which answers with that code, and no /health beside it
        site=/tmp/www
        mkdir -p "$site"
        ln -sfn /chaos/www/cgi-bin "$site/cgi-bin"
        say "is not well: answers $HEALTH"
    fi
    say "$VERSION answers on port $PORT"
    in_background httpd -f -p "$PORT" -h "$site"
}

worker() {
    stopped=0 # told to stop is how its life ends
    beat=0
    while :; do
        beat=$((beat + 1))
        say "beat $beat"
        in_background sleep 1
    done
}

batch() {
    whole_seconds "$1" 10
    say "started, $seconds seconds of work"
    work
    say "done"
}

migrate() {
    say "step 1 of 3: connected to the database"
    in_background sleep 1
    if [ -n "$FAIL" ] && [ "$FAIL" != 0 ]; then
        say "step 2 of 3 failed: relation \"users\" already exists" >&2
        exit 1
    fi
    say "step 2 of 3: created table users"
    in_background sleep 1
    say "step 3 of 3: copied 1000 rows"
    say "done"
}

flaky() {
    whole_seconds "$1" 5
    say "started, fails after $seconds seconds"
    work
    say "failed, as flaky always does" >&2
    exit 1
}

case $role in
web | worker | batch | migrate | flaky)
    [ $# -eq 0 ] || shift
    "$role" "$1"
    ;;
*)
    echo "unknown role '$role': this image knows web, worker, batch [SECONDS], migrate, flaky [SECONDS]" >&2
    exit 2
    ;;
esac
