import { startPgBouncer } from "./pgbouncer.ts";
import { startPostgres } from "./postgres-server.ts";

/** Nothing that uses this server crashes it. */
const settings = { fsync: "off", full_page_writes: "off", max_connections: "400" };
const maxSessions = 390;

/**
 * Starts a server for many tests, which ends with this process; returns its URL. Starting a session costs PostgreSQL
 * more than most tests do in it, so that sessions of earlier tests are used again.
 */
export async function startSharedServer(): Promise<string> {
  const postgres = await startPostgres(settings);
  const pooler = await startPgBouncer(postgres.port, { mode: "session", poolSize: maxSessions });
  postgres.unref();
  pooler.unref();
  return pooler.url;
}
