import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../free-port.ts";
import { createData } from "./data-directory.ts";
import { programPath, run, serverFolder, start, stop, unref } from "./programs.ts";

/** A PostgreSQL server with its own data directory, synced to disk as in production. */
export interface PostgresServer {
  readonly port: number;
  /** Connects as the owner of the server. */
  readonly url: string;
  /** Creates an empty database; returns its URL. */
  createDatabase(): string;
  /** Runs statements as the owner of the server, each on its own; returns the rows of the last as text. */
  execute(...statements: readonly string[]): string;
  /** Starts a standby of this server, which follows it from now on. */
  startStandby(): Promise<Standby>;
  /** Stops the server as a crash would: sessions are cut, and the next start runs recovery. */
  crash(): Promise<void>;
  /** Stops the server after ending its sessions with SQLSTATE 57P01. */
  stop(): Promise<void>;
  /** Starts the server again with the same data and port. */
  restart(): Promise<void>;
  /** Lets this process end without stopping the server, which ends with it. */
  unref(): void;
}

/** A copy of a server that follows its changes until it is promoted. */
export interface Standby {
  readonly port: number;
  /** Makes it a server of its own, which takes writes. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

/** Creates and starts a server. Its data is removed when the process exits. */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  /** Directory of its data: that of temporary files by default. */
  parent?: string,
): Promise<PostgresServer> {
  const folder = serverFolder(parent);
  const data = join(folder, "data");
  createData(data, folder);
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
    execute: (...statements) => {
      const psql = programPath("psql", "postgresql");
      const commands = statements.flatMap((statement) => ["--command", statement]);
      const at = ["--host=127.0.0.1", `--port=${port}`, "--username=holdfast", "--dbname=postgres"];
      return run(psql, [...at, "--tuples-only", "--no-align", "--quiet", ...commands], folder).trim();
    },
    startStandby: () => startStandby(port),
    crash: () => stop(server, "SIGQUIT"),
    stop: () => stop(server, "SIGINT"),
    async restart() {
      server = await launch();
    },
    unref: () => unref(server),
  };
}

async function startStandby(primaryPort: number): Promise<Standby> {
  const folder = serverFolder();
  const data = join(folder, "data");
  const from = `host=127.0.0.1 port=${primaryPort} user=holdfast application_name=standby`;
  const backup = programPath("pg_basebackup", "postgresql");
  run(backup, ["-D", data, "-d", from, "-R", "-X", "stream", "--checkpoint=fast"], folder);
  const port = await freePort();
  const args = ["-D", data, "-c", `port=${port}`, "-c", "listen_addresses=127.0.0.1"];
  const settings = ["-c", "unix_socket_directories=", "-c", "synchronous_standby_names="];
  const server = await start(programPath("postgres", "postgresql"), [...args, ...settings], {
    ...{ cwd: folder, port },
  });
  await waitUntilReady(port);
  return {
    port,
    promote: async () => void run(programPath("pg_ctl", "postgresql"), ["promote", "-w", "-D", data], folder),
    stop: () => stop(server, "SIGINT"),
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
