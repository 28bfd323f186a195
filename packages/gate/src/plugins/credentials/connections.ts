import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { Audit } from "../../audit/audit.ts";
import { dial, pipeBothWays } from "../../egress/tunnels/tunnel-connection.ts";
import { pluginLimits } from "../plugin-limits.ts";

/** One server that the operator lets a plugin speak to by TCP. It may be private. */
export interface PluginConnection {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionsOptions {
  readonly plugin: string;
  readonly connections: Readonly<Record<string, PluginConnection>>;
  /** In which the sockets get a directory of their own (0700). Short: an address has 107 bytes. */
  readonly directory: string;
  readonly audit: Audit;
}

/** Throws `plugin.invalid_settings`. */
export function checkConnections(plugin: string, connections: Readonly<Record<string, PluginConnection>>) {
  const invalid = (problem: string) =>
    new HoldfastError("plugin", "invalid_settings", `The connections of ${plugin}: ${problem}`, {
      statusCode: 400,
    });
  const entries = Object.entries(connections);
  if (entries.length > pluginLimits.maxConnections)
    throw invalid(`there are more than ${pluginLimits.maxConnections}`);
  for (const [name, { host, port }] of entries) {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) throw invalid(`${JSON.stringify(name)} is no name`);
    if (!/^[A-Za-z0-9.:-]{1,253}$/.test(host)) throw invalid(`${name} names no host`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid(`${name} names no port`);
  }
}

/**
 * The ways of one plugin's process to named servers: a socket each, which the gate listens on and
 * which leads to one host and port, and nowhere else. Each use is on record before it is dialled.
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

  /** Throws `plugin.invalid_settings` before anything is made. */
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
          // Errors end the pair; without a listener they would end the gate.
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
    // Without a record, or a server, the plugin sees its connection closed.
    inner.destroy();
  }
}
