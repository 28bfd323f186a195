import type pg from "pg";

/** Whether there is a pooler before the database. `client` is connected; without `timeoutMs` it waits for ever. */
export async function isPooled(client: pg.Client, timeoutMs?: number): Promise<boolean> {
  const text = "SELECT pg_backend_pid() AS pid";
  const query = timeoutMs === undefined ? { text } : { text, query_timeout: timeoutMs };
  const { rows } = await client.query<{ readonly pid: number }>(query);
  // The server tells its process id to whoever connects; a pooler tells a number of its own.
  const { processID } = client as unknown as { readonly processID: number | null };
  return rows[0]?.pid !== processID;
}
