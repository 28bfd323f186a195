import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { programPath, serverFolder, start, stop, unref } from "./programs.ts";

/** A connection pooler in front of a PostgreSQL server. */
export interface PgBouncer {
  readonly url: string;
  stop(): Promise<void>;
  /** Lets this process end without stopping the pooler, which ends with it. */
  unref(): void;
}

/**
 * Starts PgBouncer. In transaction mode, each transaction may run on another server connection. In session mode, a
 * client has one for itself, which the next client gets in its original state.
 */
export async function startPgBouncer(
  serverPort: number,
  { mode = "transaction", poolSize = 4 }: { mode?: "transaction" | "session"; poolSize?: number } = {},
): Promise<PgBouncer> {
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
pool_mode = ${mode}
default_pool_size = ${poolSize}
server_reset_query = ${mode === "session" ? "DISCARD ALL" : ""}
max_client_conn = 1000
`,
    { mode: 0o644 },
  );
  const server = await start(programPath("pgbouncer", "pgbouncer"), [config], { cwd: folder, port });
  return {
    url: `postgres://holdfast@127.0.0.1:${port}/postgres`,
    stop: () => stop(server, "SIGINT"),
    unref: () => unref(server),
  };
}
