#!/bin/sh
# Does what the official image does: as root, makes its folders, gives them to `postgres` and becomes it; then makes a
# database where there is none.
set -eu
mkdir -p "$PGDATA" /var/run/postgresql
if [ "$(id -u)" = 0 ]; then
  chmod 0700 "$PGDATA"
  chown -R postgres "$PGDATA" /var/run/postgresql
  exec gosu postgres "$0" "$@"
fi
chmod 0700 "$PGDATA" || true
if [ ! -s "$PGDATA/PG_VERSION" ]; then initdb --username=postgres --auth=trust --no-sync; fi
exec "$@"
