/** PostgreSQL and PgBouncer servers for tests. */
export { type PgBouncer, startPgBouncer } from "./pgbouncer.ts";
export { type PostgresServer, startPostgres } from "./postgres-server.ts";
