import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { SandboxProvider } from "../providers/provider.ts";
import { SandboxDestroyedError } from "../sdk/errors.ts";
import { type DialHost, listenForDial } from "./dial.ts";
import { fetchOver } from "./fetch.ts";
import { removeTree } from "./remove-tree.ts";

/** As much of a gate's jail as is used: `Gate` of `@holdfast/gate` has it. */
export interface JailGate {
  readonly jails: {
    start(spec: {
      readonly id: string;
      readonly command: string;
      readonly args: readonly string[];
      readonly cwd: string;
      readonly env: Readonly<Record<string, string>>;
      readonly mounts: readonly { source: string; target: string; mode: "ro" | "rw" }[];
      readonly limits?: JailLimits;
      readonly network: "none";
    }): Promise<RunningJail>;
  };
}

export interface JailLimits {
  readonly memoryBytes?: number;
  readonly pids?: number;
  readonly cpus?: number;
  readonly tmpBytes?: number;
}

interface RunningJail {
  readonly stdout: { resume(): unknown };
  readonly stderr: { on(event: "data", listener: (chunk: Uint8Array) => void): unknown };
  readonly exited: Promise<{ readonly reason: string; readonly detail?: string }>;
  stop(options?: { readonly graceMs?: number }): Promise<unknown>;
}

export interface JailProviderOptions {
  /** What `createGate` of `@holdfast/gate` resolves with. */
  readonly gate: JailGate;
  /**
   * The server's entry for Node, and the directories that it needs. In the jail they are read-only below
   * a folder of their own, with the paths that they have here: links between them have to be relative.
   */
  readonly server: { readonly entry: string; readonly directories: readonly string[] };
  /** A directory of the host that is the working directory in the jail; an empty one by default. */
  readonly workspace?: string;
  /** Further mounts, such as the socket of an egress. */
  readonly mounts?: readonly { source: string; target: string; mode: "ro" | "rw" }[];
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: JailLimits;
  /** How long the server may take until it dials; 15 s by default. */
  readonly timeoutMs?: number;
}

interface JailedServer {
  readonly jail: RunningJail;
  readonly dial: DialHost;
  readonly directory: string;
}

const jailNode = "/opt/holdfast/node";
const jailHost = "/opt/holdfast/host";
const jailControl = "/run/holdfast/control/c.sock";
const jailHome = "/home/agent";
const jailWorkspace = "/workspace";

/**
 * A sandbox server in a jail of the gate: no network, only its mounts. The server dials out to a
 * socket that the host made, so nothing listens inside. It ends with the process of the host.
 */
export function jail(options: JailProviderOptions): SandboxProvider {
  const servers = new Map<string, JailedServer>();
  const find = (id: string): JailedServer => {
    const found = servers.get(id);
    if (found) return found;
    throw new SandboxDestroyedError(id, "jail");
  };
  const destroy = async (id: string) => {
    const found = servers.get(id);
    servers.delete(id);
    if (found) await end(found);
  };
  return {
    name: "jail",
    defaultCwd: jailWorkspace,
    async create() {
      const id = `sandbox-${randomUUID().slice(-12)}`;
      const started = await start(id, options);
      servers.set(id, started);
      // Users notice its end by their connections. A failed clean-up has no caller to report to.
      started.jail.exited.then(() => destroy(id)).catch(() => {});
      return id;
    },
    destroy,
    reconnect: async (id) => void find(id),
    getFetch: async (id) => fetchOver(find(id).dial.agent),
  };
}

async function start(id: string, options: JailProviderOptions): Promise<JailedServer> {
  // The path of a Unix socket has at most 107 bytes.
  const directory = await mkdtemp(join(tmpdir(), "hfj-"));
  const control = join(directory, "c", "c.sock");
  const [home, own] = [join(directory, "home"), join(directory, "workspace")];
  await Promise.all([home, own].map((path) => mkdir(path, { mode: 0o700 })));
  const dial = await listenForDial(control);
  const { entry, directories } = options.server;
  let running: RunningJail | undefined;
  try {
    running = await options.gate.jails.start({
      id,
      command: jailNode,
      args: [
        ...[`${jailHost}${entry}`, "--jailed", "--dial", jailControl],
        ...["--home", jailHome, "--cwd", jailWorkspace],
      ],
      cwd: jailWorkspace,
      env: { PATH: `${dirname(jailNode)}:/usr/bin:/bin`, HOME: jailHome, LANG: "C.UTF-8", ...options.env },
      mounts: [
        { source: process.execPath, target: jailNode, mode: "ro" },
        { source: dirname(control), target: dirname(jailControl), mode: "ro" },
        { source: home, target: jailHome, mode: "rw" },
        { source: options.workspace ?? own, target: jailWorkspace, mode: "rw" },
        ...directories.map((path) => ({ source: path, target: `${jailHost}${path}`, mode: "ro" as const })),
        ...(options.mounts ?? []),
      ],
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      network: "none",
    });
    await reach(running, dial, options.timeoutMs ?? 15_000);
    return { jail: running, dial, directory };
  } catch (error) {
    await running?.stop({ graceMs: 0 });
    await dial.close();
    await removeTree(directory);
    throw error;
  }
}

async function reach(running: RunningJail, dial: DialHost, timeoutMs: number): Promise<void> {
  let tail = "";
  // An unread stream would block its writer.
  running.stdout.resume();
  running.stderr.on("data", (chunk) => {
    tail = (tail + new TextDecoder().decode(chunk)).slice(-2_000);
  });
  const ended = running.exited.then(({ reason, detail }) => {
    const why = [reason, detail, tail.trim()].filter((part) => part).join(": ");
    throw new HoldfastError("sandbox", "server_not_started", `The sandbox server did not start: ${why}`, {
      statusCode: 500,
    });
  });
  await Promise.race([dial.ready(timeoutMs), ended]);
  // Later ends are the provider's to notice.
  ended.catch(() => {});
}

async function end({ jail: running, dial, directory }: JailedServer): Promise<void> {
  try {
    await running.stop({ graceMs: 2_000 });
  } finally {
    await dial.close();
    await removeTree(directory);
  }
}
