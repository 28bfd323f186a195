import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Managed } from "../../processes/managed.ts";
import type { ProcessTable } from "../../processes/table.ts";
import { type SessionBus, startSessionBus } from "../accessibility/session-bus.ts";
import { type BrowserNetwork, writeBrowserPrograms } from "../apps/browsers.ts";
import { runtimeFailed } from "../errors.ts";
import type { DesktopProcessInfo, StartOptions } from "../types.ts";
import { writeAuthority } from "../x/authority.ts";
import { XConnection } from "../x/connection.ts";
import { Launcher } from "./launcher.ts";
import { startWindowManager } from "./window-manager.ts";
import { startXServer } from "./x-server.ts";

/** How long programs get to end before they are killed. */
const endGraceMs = 2_000;

export interface DisplayOptions {
  readonly table: ProcessTable;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly jailed: boolean;
  readonly browserNetwork: BrowserNetwork;
}

/** A running screen: the X server, a connection to it, the window manager, and the applications. */
export class Display {
  readonly connection: XConnection;
  /** As in `:99`. */
  readonly name: string;
  /** Path of the file with the secret of the display. */
  readonly authority: string;
  /** Absent where the programs of the accessibility tree are not installed. */
  readonly bus: SessionBus | undefined;
  /** What programs need to reach the display, the bus and the browsers. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts applications on this display. */
  readonly launcher: Launcher;
  /** For sockets and secrets: only this user may enter it. It is removed with the display. */
  readonly directory: string;
  readonly #servers: Launcher;
  readonly #processes: readonly (readonly [string, Managed])[];

  private constructor(parts: {
    readonly connection: XConnection;
    readonly name: string;
    readonly authority: string;
    readonly bus: SessionBus | undefined;
    readonly env: Readonly<Record<string, string>>;
    readonly launcher: Launcher;
    readonly servers: Launcher;
    readonly processes: readonly (readonly [string, Managed])[];
    readonly directory: string;
  }) {
    this.connection = parts.connection;
    this.name = parts.name;
    this.authority = parts.authority;
    this.bus = parts.bus;
    this.env = parts.env;
    this.launcher = parts.launcher;
    this.#servers = parts.servers;
    this.#processes = parts.processes;
    this.directory = parts.directory;
  }

  /** Starts everything, or nothing: what has been started is ended when a step fails. */
  static async start(displayOptions: DisplayOptions, options: StartOptions): Promise<Display> {
    const { table, cwd, env, jailed, browserNetwork } = displayOptions;
    const directory = await mkdtemp(join(tmpdir(), "holdfast-desktop-"));
    const servers = new Launcher(table, cwd, env);
    let connection: XConnection | undefined;
    try {
      const authority = join(directory, "Xauthority");
      const cookie = await writeAuthority(authority);
      const server = await startXServer(servers, options, authority);
      const name = `:${server.number}`;
      connection = await XConnection.connect(name, cookie).catch((error: unknown) => {
        throw runtimeFailed(`no connection to the display ${name}: ${String(error)}`);
      });
      const bus = await startSessionBus(servers, directory);
      const ownEnv = {
        ...{ DISPLAY: name, XAUTHORITY: authority },
        ...bus?.env,
        ...(await writeBrowserPrograms(directory, { path: env.PATH, jailed, network: browserNetwork })),
      };
      const launcher = new Launcher(table, cwd, { ...env, ...ownEnv });
      const manager = await startWindowManager(launcher, connection);
      void closeWith(server.process, connection);
      const processes = [
        ["Xvfb", server.process],
        ["openbox", manager],
        ...(bus === undefined ? [] : [["dbus-daemon", bus.process] as const]),
      ] as const;
      return new Display({
        ...{ connection, name, authority, bus, launcher, servers, processes, directory },
        env: ownEnv,
      });
    } catch (error) {
      connection?.close();
      await servers.end(endGraceMs);
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  processes(): DesktopProcessInfo[] {
    return this.#processes.map(([name, process]) => {
      const { id, pid, status } = process.info();
      return { name, running: status === "running", processId: id, ...(pid === undefined ? {} : { pid }) };
    });
  }

  /** Ends the applications, then the window manager and the X server. */
  async end(): Promise<void> {
    await this.launcher.end(endGraceMs);
    this.connection.close();
    await this.#servers.end(endGraceMs);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Closes the connection when the X server has ended, which the socket alone does not always tell. */
async function closeWith(server: Managed, connection: XConnection): Promise<void> {
  while (!server.ended) await server.changed.wait(Number.POSITIVE_INFINITY);
  connection.close();
}
