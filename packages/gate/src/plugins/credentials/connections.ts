import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { Audit } from "../../audit/audit.ts";
import { dial, pipeBothWays } from "../../egress/tunnels/tunnel-connection.ts";
import { pluginLimits } from "../plugin-limits.ts";

/** A server that the operator lets a plugin reach by TCP. It can have a private address. */
export interface PluginConnection {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionsOptions {
  readonly plugin: string;
  readonly connections: Readonly<Record<string, PluginConnection>>;
  /** Parent of the sockets' directory (0700). Must be short: a socket address has at most 107 bytes. */
  readonly directory: string;
  readonly audit: Audit;
}

/** Throws `plugin.invalid_settings`. */
export function checkConnections(plugin: string, connections: Readonly<Record<string, PluginConnection>>) {
  const invalid = (problem: string) =>
    new HoldfastError("plugin", "invalid_settings", `Invalid connections of ${plugin}: ${problem}`, {
      statusCode: 400,
    });
  const entries = Object.entries(connections);
  if (entries.length > pluginLimits.maxConnections)
    throw invalid(`there are more than ${pluginLimits.maxConnections}`);
  for (const [name, { host, port }] of entries) {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) throw invalid(`${JSON.stringify(name)} is not a valid name`);
    if (!/^[A-Za-z0-9.:-]{1,253}$/.test(host)) throw invalid(`${name} has no host`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid(`${name} has no port`);
  }
}

/**
 * Connections of one plugin's process to named servers. The gate listens on one socket per server and forwards it to
 * that host and port only. Each use is audited before the gate connects.
 */
export class Connections {
  /** Host paths of the sockets, by name. */
  readonly sockets: Readonly<Record<string, string>>;
  readonly #directory: string;
  readonly #servers: readonly Server[];
  readonly #open: Set<Socket>;
  readonly #ending: AbortController;

  private constructor(
    directory: string,
    sockets: Record<string, string>,
    servers: readonly Server[],
    open: Set<Socket>,
    ending: AbortController,
  ) {
    this.#directory = directory;
    this.sockets = sockets;
    this.#servers = servers;
    this.#open = open;
    this.#ending = ending;
  }

  /** Throws `plugin.invalid_settings` before it creates anything. */
  static async open(options: ConnectionsOptions): Promise<Connections> {
    checkConnections(options.plugin, options.connections);
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const directory = await mkdtemp(join(options.directory, "c-"));
    await chmod(directory, 0o700);
    const sockets: Record<string, string> = {};
    const servers: Server[] = [];
    const open = new Set<Socket>();
    const ending = new AbortController();
    const made = new Connections(directory, sockets, servers, open, ending);
    try {
      for (const [name, place] of Object.entries(options.connections)) {
        const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inner) => {
          open.add(inner);
          inner.once("close", () => open.delete(inner));
          // An error closes both sockets; without a listener it would end the gate.
          inner.on("error", () => inner.destroy());
          void lead(inner, name, place, options, ending.signal);
        });
        server.maxConnections = pluginLimits.maxOpenConnections;
        servers.push(server);
        const path = join(directory, `${servers.length}.sock`);
        await listen(server, path);
        sockets[name] = path;
      }
      return made;
    } catch (error) {
      await made.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#ending.abort();
    for (const socket of this.#open) socket.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function lead(
  inner: Socket,
  name: string,
  { host, port }: PluginConnection,
  { plugin, audit }: ConnectionsOptions,
  signal: AbortSignal,
): Promise<void> {
  const session = `plugin:${plugin}`;
  const data = { plugin, connection: name, host: `${host}:${port}` };
  try {
    const begun = await audit.append({ type: "plugin.connection", session, data });
    try {
      const outer = await dial([host], { host, port }, signal);
      const bytes = await pipeBothWays(inner, outer, pluginLimits.connectionIdleMs);
      await audit.note({ type: "plugin.connection_closed", session, data: { request: begun.seq, ...bytes } });
    } catch (error) {
      const problem = error instanceof HoldfastError ? `${error.group}.${error.code}` : "egress.failed";
      await audit.note({
        type: "plugin.connection_closed",
        session,
        data: { request: begun.seq, error: problem },
      });
      throw error;
    }
  } catch {
    // If the record or the connection fails, the plugin's connection is closed.
    inner.destroy();
  }
}
