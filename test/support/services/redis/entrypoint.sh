#!/bin/sh
# Does what the official image does: as root, gives the data folder to `redis` and becomes it; as anybody else, goes on.
set -eu
if [ "$(id -u)" = 0 ]; then
  chown -R redis .
  exec gosu redis "$0" "$@"
fi
umask 0077
exec "$@"
