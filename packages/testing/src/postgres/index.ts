/** PostgreSQL and PgBouncer servers for tests. */
export { createOriginalData } from "./data-directory.ts";
export { type PgBouncer, startPgBouncer } from "./pgbouncer.ts";
export { type PostgresServer, type Standby, startPostgres } from "./postgres-server.ts";
export { findProgram, programPath } from "./programs.ts";
export { startSharedServer } from "./shared-server.ts";
