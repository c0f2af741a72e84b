#!/bin/sh
# Dumps each database that has a folder in /work/dump with the file `program`, database/ into database.dump and so on.
# It runs in an image with the database's own programs; they find the password in PGPASSWORD or MYSQL_PWD.
set -eu

fail() {
  echo "The database could not be dumped: $1" >&2
  exit 1
}

dump_postgresql() {
  address=$(cat address)
  # The schema that MLflow uses, without other applications' schemas.
  psql --dbname="$address" -At --command='SELECT current_schema()' > schema || fail "PostgreSQL does not answer; see the message above"
  pg_dump --dbname="$address" --schema="$(cat schema)" --format=custom --no-owner --no-privileges --file=dump.part ||
    fail "pg_dump must be as new as the server; backup.image names the image that it is taken from"
}

dump_mysql() {
  # One option on each line, none with a space in it.
  # shellcheck disable=SC2046
  mariadb-dump $(cat options) --single-transaction --no-tablespaces --default-character-set=utf8mb4 \
    --result-file=dump.part "$(cat database)" ||
    fail "mariadb-dump ends with an error; backup.image names the image that it is taken from"
}

for part in database users; do
  [ -e "/work/dump/$part/program" ] || continue
  cd "/work/dump/$part"
  case $(cat program) in
    pg_dump) dump_postgresql ;;
    mariadb-dump) dump_mysql ;;
  esac
  mv dump.part "../$part.dump"
  echo "Dumped $part: $(wc -c < "../$part.dump") bytes"
done
