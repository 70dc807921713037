-- A user that may read the database `app` and write nothing; for the account `me` of this machine (unix_socket).
-- Type it as the superuser: sudo mariadb < mysql.sql
CREATE USER 'me'@'localhost' IDENTIFIED VIA unix_socket;
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON app.* TO 'me'@'localhost';
-- For --routines: the bodies of procedures that others have defined.
GRANT SELECT ON mysql.proc TO 'me'@'localhost';
