"""The database's address from the environment: passwords with any character reach the driver unchanged."""

import database
import pytest
import sqlalchemy

PASSWORDS = ["plain", "p@ss/w:rd?#[]", "100%25 $(HOME) ${X}", "quo'te\"s`\\", "grün 密码 🔑", " edges +"]
POSTGRESQL = "postgresql+psycopg2://mlflow@db:5432/mlflow"
MYSQL = "mysql+pymysql://mlflow@db:3306/mlflow?charset=utf8mb4"


def address(monkeypatch: pytest.MonkeyPatch, uri: str, **variables: str) -> str:
    """The environment of `mlflow`."""
    for name, value in {"MLFLOW_BACKEND_STORE_URI": uri, **variables}.items():
        monkeypatch.setenv(name, value)
    return database.address().render_as_string(hide_password=False)


@pytest.mark.parametrize("password", PASSWORDS)
def test_mysql_gets_the_bytes_that_its_own_programs_would_send(monkeypatch, password: str):
    told = address(monkeypatch, MYSQL, MYSQL_PWD=password)
    # PyMySQL encodes what SQLAlchemy hands it as Latin-1.
    assert sqlalchemy.make_url(told).password.encode("latin-1") == password.encode()
    assert sqlalchemy.make_url(told).host == "db"


def test_postgresql_reads_its_password_itself(monkeypatch):
    assert address(monkeypatch, POSTGRESQL, PGPASSWORD="secret") == POSTGRESQL


def test_an_address_shows_no_password_when_printed(monkeypatch):
    address(monkeypatch, MYSQL, MYSQL_PWD="secret")
    assert "secret" not in repr(database.address())


def test_a_rejected_password_is_not_retried_and_names_its_secret():
    refusal = sqlalchemy.exc.OperationalError(
        "", {}, Exception('FATAL:  password authentication failed for user "mlflow"\n')
    )
    assert database.is_permanent(refusal)
    assert database.cause(refusal).endswith(
        "is the password in the Secret the one that this user has in the database?"
    )


def test_a_starting_database_is_awaited():
    starting = sqlalchemy.exc.OperationalError(
        "", {}, Exception("FATAL:  the database system is starting up")
    )
    assert not database.is_permanent(starting)
    assert database.cause(starting) == "FATAL: the database system is starting up"


def test_a_database_of_another_encoding_is_refused_before_it_is_filled(monkeypatch):
    monkeypatch.setitem(database._ENCODING, "sqlite", ("SELECT 'SQL_ASCII'", "UTF8"))
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "sqlite://")
    with pytest.raises(SystemExit, match="encoding SQL_ASCII: create one with UTF8"):
        database.connect()


def test_sqlite_needs_no_encoding(monkeypatch):
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "sqlite://")
    with database.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
