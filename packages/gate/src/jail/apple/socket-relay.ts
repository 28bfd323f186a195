import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { JailMount } from "../jail.ts";
import { machineLimits } from "./run-arguments.ts";

/** Mounts of a jail in a virtual machine, whose sockets lead to relays in this process. */
export interface RelayedMounts {
  readonly mounts: readonly JailMount[];
  /** Closes every connection and removes the sockets. Idempotent. */
  close(): void;
}

/**
 * Replaces each mounted socket by a relay socket in `directory`. In the machine a socket keeps its mode but belongs to
 * user 0, so a jail, which runs as another user, could not dial a socket with the mode 0600. Relays are open to everybody,
 * in a directory that only this user can enter.
 *
 * A read-only folder that contains only sockets is mounted as those sockets. In any other folder sockets do not work,
 * since they cannot cross from one kernel to another.
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

/** Listens on one socket and connects each client to another. */
class Relay {
  readonly #server: Server;
  readonly #open: Set<Socket>;

  private constructor(server: Server, open: Set<Socket>) {
    this.#server = server;
    this.#open = open;
  }

  /** Listens at `path`, and dials `to` for each client. */
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
        // A failure of one side ends the other; `close` follows each `error`.
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
        // Without free descriptors a connection fails, which the jail sees.
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
