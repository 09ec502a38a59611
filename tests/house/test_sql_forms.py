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
    "INSERT INTO t (m, n) VALUES (:m, :n) ON CONFLICT (k) DO UPDATE SET m = excluded.m, n = n + excluded.n",
    "INSERT INTO t (n) VALUES (:n) ON CONFLICT (k) DO UPDATE SET n = max(t.n, excluded.n)",
    "SELECT a FROM t WHERE a IS b",
    "SELECT a FROM t WHERE (a = :p OR :p IS NULL)",
    "SELECT a FROM t WHERE a IN ()",
    "SELECT a FROM t WHERE a NOT IN ( )",
    "SELECT max(coalesce(a, 0), b) FROM t",
    "SELECT a = b FROM t",
    "SELECT a, (b IS NULL) FROM t",
    "SELECT a FROM t ORDER BY b IS NULL, a",
    "SELECT a IN (1, 2) AS few FROM t",
    "SELECT coalesce(a > b, 0) FROM t",
    "UPDATE t SET a = b > :c WHERE id = :id",
    "UPDATE t SET a = :a WHERE id = :id RETURNING a <> b",
    "INSERT INTO t (a) VALUES (:a > 1)",
    "SELECT CASE WHEN a = 1 THEN b = 2 ELSE 0 END FROM t",
    "SELECT a, COUNT(*) FROM t",
    "SELECT a, b, COUNT(*) FROM t GROUP BY a",
    "SELECT a, b + 1 FROM t GROUP BY a",
    "SELECT TRUE",
    "UPDATE t SET a = FALSE WHERE id = :id",
    "SELECT datetime('now')",
    "SELECT CURRENT_TIMESTAMP",
    "SELECT a FROM t WHERE a == :a",
    "SELECT a FROM t WHERE a GLOB :q",
    "SELECT a FROM t WHERE lower(a) LIKE :q",
    "WITH RECURSIVE up (a, b) AS (SELECT 1, :id UNION ALL SELECT a, b FROM t JOIN up ON t.b = up.b) SELECT b FROM up",
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
    "SELECT a FROM t WHERE NOT (a = :a AND (b > 1 OR EXISTS (SELECT 1 FROM u WHERE u.a = t.a)))",
    "SELECT a FROM t JOIN u ON u.a = t.a AND u.b IS NULL WHERE t.a BETWEEN :low AND :high",
    "SELECT a + 1, COUNT(*), COUNT(*) FILTER (WHERE b = 1), max(c) FROM t GROUP BY a HAVING COUNT(*) > 1 ORDER BY a",
    "SELECT a, (SELECT COUNT(*) FROM u WHERE u.a = t.a) FROM t",
    "SELECT a, COUNT(*) OVER (PARTITION BY b) FROM t",
    "SELECT coalesce(SUM(CASE WHEN a = b THEN 1 ELSE 0 END), 0) FROM t",
    "UPDATE t SET a = CASE WHEN b > :b THEN 1 ELSE 0 END, c = c + 1 WHERE id = :id AND state = 'x' RETURNING a",
    "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO UPDATE SET n = t.n + 1 WHERE t.n < excluded.n",
    "DELETE FROM t WHERE id IN (SELECT id FROM t WHERE a = :a ORDER BY id LIMIT :limit)",
    "SELECT current_step FROM t WHERE lower(a) LIKE lower(:q) ESCAPE '\\'",
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
