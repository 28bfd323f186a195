import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { JailMount } from "../jail.ts";
import { machineLimits } from "./run-arguments.ts";

/** The mounts of a jail in a machine of its own, with the sockets among them dialled by this process. */
export interface RelayedMounts {
  readonly mounts: readonly JailMount[];
  /** Ends every connection and takes the sockets away. Idempotent. */
  close(): void;
}

/**
 * Puts a socket of its own before each one that is mounted. The program carries what dials it over to the host, and
 * gives it in the machine the mode that it has here, but the machine's user 0 as its owner: a socket that is its
 * user's alone could not be dialled by a jail, which is another. Those made here are open to all, in `directory`,
 * which is this user's alone.
 *
 * A read-only folder of nothing but sockets is mounted as the sockets that it holds now; any other is shared as it
 * is, and sockets in it lead nowhere, since they do not cross from one kernel to another.
 */
export async function relaySockets(mounts: readonly JailMount[], directory: string): Promise<RelayedMounts> {
  const servers: Relay[] = [];
  const close = () => {
    for (const server of servers) server.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const relayed: JailMount[] = [];
    for (const mount of mounts.flatMap(eachSocket)) {
      if (!isSocket(mount.source)) {
        relayed.push(mount);
        continue;
      }
      if (servers.length === 0) mkdirSync(directory, { mode: 0o700 });
      const source = join(directory, String(servers.length));
      servers.push(await Relay.open(source, mount.source));
      relayed.push({ ...mount, source });
    }
    return { mounts: relayed, close };
  } catch (error) {
    close();
    throw error;
  }
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

function eachSocket(mount: JailMount): JailMount[] {
  const { source, target, mode } = mount;
  if (mode !== "ro" || !lstatSync(source).isDirectory()) return [mount];
  const names = readdirSync(source);
  if (names.length === 0 || !names.every((name) => isSocket(join(source, name)))) return [mount];
  return names.map((name) => ({ source: join(source, name), target: join(target, name), mode }));
}

class Relay {
  readonly #server: Server;
  readonly #open: Set<Socket>;

  private constructor(server: Server, open: Set<Socket>) {
    this.#server = server;
    this.#open = open;
  }

  /** Listens at `path`, and dials `to` for each connection. */
  static async open(path: string, to: string): Promise<Relay> {
    const open = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (inner) => {
      const outer = createConnection({ path: to, allowHalfOpen: true });
      for (const [socket, other] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        open.add(socket);
        socket.pipe(other);
        // A connection that breaks on one side is broken on the other; each `close` follows its `error`.
        socket
          .on("error", () => {})
          .once("close", (failed) => {
            open.delete(socket);
            if (failed) other.destroy();
          });
      }
    });
    server.maxConnections = machineLimits.maxConnections;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(path, () => {
        // Where this process has no descriptors left, a connection is lost, and the jail sees it.
        server.off("error", reject).on("error", () => {});
        resolve();
      });
    });
    chmodSync(path, 0o777);
    return new Relay(server, open);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}
