import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../free-port.ts";
import { programPath, run, serverFolder, start, stop } from "./programs.ts";

/** A PostgreSQL server with its own data directory, synced to disk as in production. */
export interface PostgresServer {
  readonly port: number;
  /** Connects as the owner of the server. */
  readonly url: string;
  /** Creates an empty database; returns its URL. */
  createDatabase(): string;
  /** Stops the server as a crash would: sessions are cut, and the next start runs recovery. */
  crash(): Promise<void>;
  /** Stops the server after ending its sessions with SQLSTATE 57P01. */
  stop(): Promise<void>;
  /** Starts the server again with the same data and port. */
  restart(): Promise<void>;
}

/** Creates and starts a server. Its data is removed when the process exits. */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const folder = serverFolder();
  const data = join(folder, "data");
  const initdb = programPath("initdb", "postgresql");
  run(initdb, ["-D", data, "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--locale=C"], folder);
  const port = await freePort();
  const config = {
    port: `${port}`,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "on",
    max_connections: "100",
    ...settings,
  };
  const args = ["-D", data, ...Object.entries(config).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const launch = async () => {
    const server = await start(programPath("postgres", "postgresql"), args, { cwd: folder, port });
    await waitUntilReady(port);
    return server;
  };
  let server = await launch();
  let databases = 0;
  return {
    port,
    url: `postgres://holdfast@127.0.0.1:${port}/postgres`,
    createDatabase() {
      const name = `test_${++databases}`;
      const createdb = programPath("createdb", "postgresql");
      run(createdb, ["--host=127.0.0.1", `--port=${port}`, "--username=holdfast", name], folder);
      return `postgres://holdfast@127.0.0.1:${port}/${name}`;
    },
    crash: () => stop(server, "SIGQUIT"),
    stop: () => stop(server, "SIGINT"),
    async restart() {
      server = await launch();
    },
  };
}

/** The port opens before recovery is complete. */
async function waitUntilReady(port: number): Promise<void> {
  const deadline = AbortSignal.timeout(60_000);
  const probe = programPath("pg_isready", "postgresql");
  while (spawnSync(probe, ["--host=127.0.0.1", `--port=${port}`, "--quiet"]).status !== 0) {
    deadline.throwIfAborted();
    await delay(20);
  }
}
