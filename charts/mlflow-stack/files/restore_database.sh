#!/bin/sh
# Replaces each database that has a folder in /work/dump with the file `program` by its dump: database/ by database.dump
# and so on. PostgreSQL does it in one transaction.
set -eu

fail() {
  echo "The database could not be restored: $1" >&2
  exit 1
}

restore_postgresql() {
  # Not the schema itself: it exists already, and another user may own it.
  pg_restore --list "$dump" | grep -v ' SCHEMA - ' > contents
  pg_restore --no-owner --no-privileges --use-list=contents --file=restore.sql "$dump" ||
    fail "pg_restore must be as new as the pg_dump that wrote the backup; backup.image names the image"
  # Everything in the schema but what belongs to extensions. MLflow has triggers, so there are functions too.
  cat > empty.sql << 'EOF'
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS :"schema";
SELECT oid AS place FROM pg_namespace WHERE nspname = :'schema' \gset
SELECT format('DROP %s IF EXISTS %s CASCADE', kind, name) FROM (
  SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END
    AS kind, oid::regclass::text AS name, oid
    FROM pg_class WHERE relnamespace = :place AND relkind IN ('r', 'p', 'v', 'm', 'S')
    -- Sequences of identity columns go with their tables, and not without them.
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
      AND relkind = 'S' AND deptype = 'i')
  UNION ALL SELECT 'ROUTINE', oid::regprocedure::text, oid FROM pg_proc WHERE pronamespace = :place
  UNION ALL SELECT 'TYPE', oid::regtype::text, oid FROM pg_type WHERE typnamespace = :place AND typtype IN ('e', 'd')
) AS object
WHERE NOT EXISTS (SELECT FROM pg_depend WHERE objid = object.oid AND deptype = 'e') \gexec
EOF
  psql --dbname="$(cat address)" --no-psqlrc --quiet --output=/dev/null --single-transaction \
    --set=ON_ERROR_STOP=1 --set=schema="$(cat schema)" --file=empty.sql --file=restore.sql ||
    fail "PostgreSQL rejected the dump and rolled everything back; its message is above"
}

mysql_client() {
  # One option on each line, none with a space in it.
  # shellcheck disable=SC2046
  mariadb $(cat options) --default-character-set=utf8mb4 --batch --skip-column-names "$@" "$(cat database)"
}

restore_mysql() {
  {
    echo 'SET FOREIGN_KEY_CHECKS = 0;'
    mysql_client --execute="SELECT CONCAT('DROP TABLE \`', table_name, '\`;') FROM information_schema.tables
      WHERE table_schema = DATABASE()" || fail "the database does not answer"
    cat "$dump"
  } > restore.sql
  mysql_client < restore.sql || fail "the database is now incomplete; remove the cause above and restore again"
}

for part in database users; do
  [ -e "/work/dump/$part/program" ] || continue
  cd "/work/dump/$part"
  dump="../$part.dump"
  case $(cat program) in
    pg_dump) restore_postgresql ;;
    mariadb-dump) restore_mysql ;;
  esac
  echo "Restored $part"
done
