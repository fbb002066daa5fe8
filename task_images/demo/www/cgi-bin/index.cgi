#!/bin/sh
# The answer to GET /: which copy of which version this is. httpd runs it because there is no index.html.
body="version $VERSION
task ${CHAOS_ECS_TASK_ID:-none}
host ${HOSTNAME:-$(hostname)}
"
printf 'Content-Type: text/plain\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
    "${#body}" "$body"
