#!/bin/sh
# Creates the database cluster once, then executes PostgreSQL. Reads the official image's variables:
# POSTGRES_USER, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, POSTGRES_DB, POSTGRES_INITDB_ARGS, PGDATA.
set -eu

fail() {
  echo "entrypoint: $1" >&2
  exit 1
}

read_password() {
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    [ -r "$POSTGRES_PASSWORD_FILE" ] || fail "POSTGRES_PASSWORD_FILE ($POSTGRES_PASSWORD_FILE) cannot be read"
    cat "$POSTGRES_PASSWORD_FILE"
  else
    printf '%s' "${POSTGRES_PASSWORD:-}"
  fi
}

# Works in a temporary folder and renames it at the end, so that a crash leaves no incomplete cluster.
create_cluster() {
  password=$(read_password)
  [ -n "$password" ] || fail "no password: set POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD"
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  new="$PGDATA.new"
  rm -rf "$new"
  printf '%s' "$password" > /tmp/initdb-password
  # POSTGRES_INITDB_ARGS is a list of words by contract.
  # shellcheck disable=SC2086
  initdb --pgdata="$new" --username="$user" --pwfile=/tmp/initdb-password --auth-local=trust \
    --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
  rm -f /tmp/initdb-password
  echo 'host all all all scram-sha-256' >> "$new/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$new/postgresql.conf"
  if [ "$database" != postgres ]; then
    echo "CREATE DATABASE \"$database\";" | postgres --single -D "$new" postgres > /dev/null
  fi
  [ ! -d "$PGDATA" ] || rmdir "$PGDATA"
  mv "$new" "$PGDATA"
}

if [ "${1:-postgres}" = postgres ]; then
  [ -n "${PGDATA:-}" ] || fail "PGDATA is empty"
  [ -s "$PGDATA/PG_VERSION" ] || create_cluster
  chmod 0700 "$PGDATA"
fi
exec "$@"
