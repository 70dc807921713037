-- A role that may read all data of this server and write none; for the account `me` of this machine (pg_hba.conf: peer).
-- Type it as the superuser: sudo -u postgres psql -f postgresql.sql
-- PostgreSQL 14 or newer. Large objects it can't read before 18: then dump as their owner.
CREATE ROLE me LOGIN;
GRANT pg_read_all_data TO me;
-- Else a table with row security makes pg_dump fail (it never leaves rows out in silence).
ALTER ROLE me BYPASSRLS;
