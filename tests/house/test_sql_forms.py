"""The guard over all SQL that tests run: it refuses what one engine alone takes, and nothing else."""

import apsw
import pytest

from sql_forms import OneEngineOnly, refuse_what_one_engine_alone_takes

REFUSED = [
    "INSERT OR IGNORE INTO t (a) VALUES (:a)",
    "INSERT OR REPLACE INTO t (a) VALUES (:a)",
    "REPLACE INTO t (a) VALUES (:a)",
    "INSERT INTO t (n) VALUES (:n) ON CONFLICT (k) DO UPDATE SET n = n + excluded.n",
    "SELECT a FROM t WHERE a IS :p",
    "SELECT a FROM t WHERE a IS NOT :p",
    "SELECT a FROM t WHERE (:p IS NULL OR a = :p)",
    "SELECT rowid FROM t",
    "SELECT last_insert_rowid()",
    "SELECT changes()",
    "SELECT total_changes()",
    "SELECT value FROM json_each(:ids)",
    "SELECT json_extract(a, '$.b') FROM t",
    "SELECT a -> 'b' FROM t",
    "SELECT a ->> 'b' FROM t",
    "SELECT a FROM t INDEXED BY i WHERE a = :a",
    "SELECT group_concat(a) FROM t",
    "SELECT ifnull(a, 0) FROM t",
    "SELECT iif(a = 1, 2, 3) FROM t",
    "SELECT max(a, b) FROM t",
    "UPDATE t SET a = min(a, :b)",
    "SELECT SUM(a = :b) FROM t",
    "SELECT COUNT(a > 1) FROM t",
    "SELECT a > b AS live FROM t",
    "SELECT a FROM t WHERE a LIKE :q",
    "SELECT a FROM t WHERE a = ?",
    "SELECT a FROM t WHERE a = ?1",
    "SELECT 1; SELECT 2",
    "WITH RECURSIVE up (id) AS (SELECT :id UNION SELECT parent FROM t JOIN up ON t.id = up.id) SELECT id FROM up",
]
TAKEN = [
    "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO NOTHING",
    "INSERT INTO t (k, n) VALUES (:k, :n) ON CONFLICT (k) DO UPDATE SET n = t.n + excluded.n",
    "INSERT INTO t (k, n) VALUES (:k, :n) ON CONFLICT (k) DO UPDATE SET n = excluded.n",
    "SELECT a FROM t WHERE a IS NOT DISTINCT FROM :p",
    "SELECT a FROM t WHERE a IS NULL OR a = :p",
    "INSERT INTO t (a) VALUES (:a) RETURNING id",
    "SELECT coalesce(a, 0) FROM t",
    "SELECT CASE WHEN a > b THEN a ELSE b END AS larger FROM t",
    "SELECT max(a) FROM t",
    "SELECT COUNT(*) FILTER (WHERE a = :b) FROM t",
    "SELECT CASE WHEN a > b THEN 1 ELSE 0 END AS live FROM t",
    "SELECT a FROM t WHERE lower(a) LIKE lower(:q)",
    "SELECT a FROM t WHERE a = 'what; is rowid?'",
    "SELECT a FROM t;",
    "SELECT a FROM t WHERE b >= :b ORDER BY a LIMIT :limit",
    "WITH RECURSIVE up (id) AS (SELECT CAST(:id AS BIGINT) UNION SELECT parent FROM t JOIN up ON t.id = up.id) "
    "SELECT id FROM up",
    "PRAGMA user_version",
    "CREATE TABLE t (a INTEGER) STRICT",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_one_engine_alone_takes_is_refused(sql):
    with pytest.raises(OneEngineOnly):
        refuse_what_one_engine_alone_takes(sql)


@pytest.mark.parametrize("sql", TAKEN)
def test_what_both_engines_take_passes(sql):
    assert refuse_what_one_engine_alone_takes(sql)


def test_every_connection_of_a_test_is_watched(connection, connect):
    for watched in (connection, connect(), apsw.Connection(":memory:")):
        with pytest.raises(OneEngineOnly):
            watched.execute("SELECT ifnull(1, 2)")
