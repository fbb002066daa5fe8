#!/bin/sh
# The answer to GET /: which copy of which version this is. httpd runs it because there is no index.html.
body="version $VERSION
task ${CHAOS_ECS_TASK_ID:-none}
host ${HOSTNAME:-$(hostname)}
"
[ "${HEALTH:-200}" = 200 ] || printf 'HTTP/1.1 %s Not well\r\n' "$HEALTH" # httpd says 200 where a page says nothing
printf 'Content-Type: text/plain\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
    "${#body}" "$body"
