import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { freePort } from "../free-port.ts";
import { copyInto, programPath, serverFolder, start, stop, unref } from "../postgres/programs.ts";

/** A server with its own data directory. */
export interface RedisServer {
  readonly port: number;
  /** With a prefix for keys that nothing else uses; the same for the same name. */
  url(prefix?: string): string;
  /** Runs one command; returns what redis-cli prints. */
  execute(...command: readonly string[]): string;
  /** Ends the server at once; what it has not synced is lost. */
  kill(): Promise<void>;
  /** Starts it again with the same data and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Synced to disk as in production. */
const durable = { appendonly: "yes", appendfsync: "always", save: "" };

/** PEM files of a server that speaks TLS only. */
interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Starts redis-server on a free port of loopback. */
export async function startRedis(
  settings: Readonly<Record<string, string>> = {},
  tls?: Certificate,
): Promise<RedisServer> {
  const { server } = await launched(settings, tls);
  return server;
}

async function launched(settings: Readonly<Record<string, string>>, tls?: Certificate) {
  const cwd = serverFolder();
  const port = await freePort();
  const ports: Record<string, string> =
    tls === undefined
      ? { port: `${port}` }
      : {
          ...{ port: "0", "tls-port": `${port}`, "tls-auth-clients": "no" },
          ...{ "tls-cert-file": copyInto(cwd, tls.cert), "tls-key-file": copyInto(cwd, tls.key) },
        };
  const config = { ...ports, bind: "127.0.0.1", dir: cwd, ...durable, ...settings };
  const args = Object.entries(config).flatMap(([name, value]) => [`--${name}`, value]);
  const launch = () => start(programPath("redis-server", "redis-server"), args, { cwd, port });
  let running = await launch();
  const protocol = tls === undefined ? "redis:" : "rediss:";
  const server: RedisServer = {
    port,
    url: (prefix = `test-${randomUUID()}`) => `${protocol}//127.0.0.1:${port}/0?prefix=${prefix}`,
    execute(...command) {
      const cli = programPath("redis-cli", "redis-tools");
      const result = spawnSync(cli, ["-p", `${port}`, ...command], { encoding: "utf8" });
      if (result.status !== 0) throw new Error(`redis-cli failed: ${result.stderr}${result.stdout}`);
      return result.stdout.trim();
    },
    kill: () => stop(running, "SIGKILL"),
    async restart() {
      running = await launch();
    },
    stop: () => stop(running, "SIGTERM"),
  };
  return { server, running };
}

let shared: Promise<RedisServer> | undefined;

/** One server for all tests of this process that do not harm it; it ends with the process. */
export function sharedRedis(): Promise<RedisServer> {
  shared ??= launched({}).then(({ server, running }) => {
    unref(running);
    return server;
  });
  return shared;
}
