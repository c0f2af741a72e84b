#!/bin/sh
# One database, one user with a password of any characters, and TLS if there is a certificate in /certificates.
set -eu
data=/tmp/data
mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=socket --skip-test-db > /dev/null
# Hex digits, because a password may hold whatever ends a string.
password=$(printf '%s' "$MARIADB_PASSWORD" | od -An -v -tx1 | tr -d ' \n')
cat > /tmp/init.sql <<SQL
CREATE DATABASE \`$MARIADB_DATABASE\` CHARACTER SET utf8mb4;
SET @password = CONVERT(x'$password' USING utf8mb4);
EXECUTE IMMEDIATE CONCAT('CREATE USER \'$MARIADB_USER\'@\'%\' IDENTIFIED BY ', QUOTE(@password));
GRANT ALL ON \`$MARIADB_DATABASE\`.* TO '$MARIADB_USER'@'%';
SQL
if [ -e /certificates/tls.crt ]; then
  set -- --ssl-cert=/certificates/tls.crt --ssl-key=/certificates/tls.key --require-secure-transport=ON "$@"
fi
exec mariadbd --no-defaults --datadir="$data" --socket=/tmp/mariadb.sock --pid-file=/tmp/mariadb.pid \
  --character-set-server=utf8mb4 --innodb-buffer-pool-size=32M --performance-schema=OFF --skip-name-resolve \
  --init-file=/tmp/init.sql "$@"
