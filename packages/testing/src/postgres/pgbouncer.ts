import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { programPath, serverFolder, start, stop } from "./programs.ts";

/** A connection pooler in front of a PostgreSQL server. */
export interface PgBouncer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts PgBouncer in transaction mode: each transaction may run on another server connection. */
export async function startPgBouncer(serverPort: number, poolSize = 4): Promise<PgBouncer> {
  const folder = serverFolder();
  const port = await freePort();
  const config = join(folder, "pgbouncer.ini");
  writeFileSync(
    config,
    `[databases]
postgres = host=127.0.0.1 port=${serverPort} user=holdfast
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
server_reset_query =
`,
    { mode: 0o644 },
  );
  const server = await start(programPath("pgbouncer", "pgbouncer"), [config], { cwd: folder, port });
  return {
    url: `postgres://holdfast@127.0.0.1:${port}/postgres`,
    stop: () => stop(server, "SIGINT"),
  };
}
