#!/bin/sh
# Writes down who this task is, which only its start knows, then becomes nginx, which is process 1 from then on.

set -e
trap 'exit 0' QUIT TERM INT
mkdir -p /tmp/site
printf 'version %s\ntask %s\nhost %s\n' \
    "$VERSION" "${CHAOS_ECS_TASK_ID:-none}" "${HOSTNAME:-$(hostname)}" >/tmp/site/index.txt
sed "s/PORT/$PORT/" /chaos/nginx.conf >/tmp/nginx.conf
echo "web ${HOSTNAME:-$(hostname)}: $VERSION answers on port $PORT"
exec nginx -c /tmp/nginx.conf
