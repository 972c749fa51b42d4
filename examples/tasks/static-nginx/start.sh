#!/bin/sh
# Starts nginx as the main process and prints the mark once it listens: nginx writes its pid file after binding.
set -eu
if [ -n "${ERRAND_SOCKET:-}" ]; then echo "listen unix:$ERRAND_SOCKET;" >/tmp/listen-socket.conf; fi
{
  until [ -s /tmp/nginx.pid ]; do sleep 0.01; done
  echo meca-init-done
} &
exec nginx -e stderr -c /app/nginx.conf -g 'daemon off;'
