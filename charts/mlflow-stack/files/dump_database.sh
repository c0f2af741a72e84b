#!/bin/sh
# Dumps the database that /work/dump speaks of into /work/dump/database.dump; without /work/dump/program it does
# nothing. It runs in an image with the database's own programs; they find the password in PGPASSWORD or MYSQL_PWD.
set -eu
cd /work/dump

fail() {
  echo "The database could not be dumped: $1" >&2
  exit 1
}

dump_postgresql() {
  address=$(cat address)
  # The schema that MLflow uses, and nothing that others may have put beside it.
  psql --dbname="$address" -At --command='SELECT current_schema()' > schema || fail "PostgreSQL does not answer"
  pg_dump --dbname="$address" --schema="$(cat schema)" --format=custom --no-owner --no-privileges --file=database.part ||
    fail "pg_dump must be as new as the server; backup.image names the image that it is taken from"
}

dump_mysql() {
  # One option on each line, none with a space in it.
  # shellcheck disable=SC2046
  mariadb-dump $(cat options) --single-transaction --no-tablespaces --default-character-set=utf8mb4 \
    --result-file=database.part "$(cat database)" ||
    fail "mariadb-dump ends with an error; backup.image names the image that it is taken from"
}

[ -e program ] || exit 0
case $(cat program) in
  pg_dump) dump_postgresql ;;
  mariadb-dump) dump_mysql ;;
esac
mv database.part database.dump
echo "Dumped the database: $(wc -c < database.dump) bytes"
