-- The database's two login roles and the database itself. Run once by a superuser, safe to run again:
--
--     psql -v ON_ERROR_STOP=1 -f deploy/roles.sql postgres
--
-- parley_owner owns the tables and runs the migrations, which create the acting roles (one for each kind of
-- principal) and grant them to parley_app. parley_app is what the processes sign in as: it inherits nothing, so
-- without taking an acting role inside a transaction it cannot read a single tenant's row.
--
-- No password is set here. Give both roles one (\password parley_app) or let pg_hba.conf vouch for them.

DO $$ BEGIN
    CREATE ROLE parley_owner LOGIN CREATEROLE CREATEDB NOSUPERUSER NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    ALTER ROLE parley_owner LOGIN CREATEROLE CREATEDB NOSUPERUSER NOBYPASSRLS;
END $$;

DO $$ BEGIN
    CREATE ROLE parley_app LOGIN NOINHERIT NOCREATEROLE NOCREATEDB NOSUPERUSER NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    ALTER ROLE parley_app LOGIN NOINHERIT NOCREATEROLE NOCREATEDB NOSUPERUSER NOBYPASSRLS;
END $$;

-- The owner may hand further acting roles to parley_app, and may test what parley_app can do.
GRANT parley_app TO parley_owner WITH ADMIN TRUE, INHERIT FALSE, SET TRUE;

SELECT 'CREATE DATABASE parley OWNER parley_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'parley') \gexec

REVOKE ALL ON DATABASE parley FROM PUBLIC;
GRANT CONNECT ON DATABASE parley TO parley_app;
