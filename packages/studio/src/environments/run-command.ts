import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { authorityEnvironment, type Gate, type Jail, type JailExit, JailLayout } from "@holdfast/gate";
import { organizationOfId } from "../access/organization-ids.ts";
import { type GuestBundle, guestPrograms } from "../jail/bundle.ts";
import { jailPath, jailPaths, type TaskFolders } from "../jail/layout.ts";
import type { SetupConfig } from "../jail/setup.ts";
import type { StudioLimits } from "../limits.ts";
import type { EnvironmentCache } from "./environment.ts";
import type { StepNetwork } from "./step-network.ts";

/** What the jails of an environment have in common. */
export interface StepJailOptions {
  readonly gate: Gate;
  readonly bundle: GuestBundle;
  readonly limits: StudioLimits;
  /** Unique among running jails. */
  readonly jailId: string;
  /** For whom it runs, in the records of the gate. */
  readonly session: string;
  readonly folders: TaskFolders;
  readonly variables: Readonly<Record<string, string>>;
  readonly caches?: readonly (EnvironmentCache & { readonly folder: string })[];
  /** Without it, the command reaches no network. */
  readonly network?: StepNetwork | undefined;
}

export interface CommandOptions extends StepJailOptions {
  /** A command of the shell. */
  readonly run: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onOutput: (text: string) => void;
}

export interface CommandEnd {
  readonly exit: JailExit;
  /** True if it was ended because its time was over. */
  readonly isTimedOut: boolean;
  /** The end of its output. */
  readonly output: string;
}

/**
 * Runs a command in a jail like that of a task. The jail, with every process in it, is gone when it settles. Throws the
 * reason of `signal`, and the errors of the jail and of the gate.
 */
export async function runCommand(options: CommandOptions): Promise<CommandEnd> {
  options.signal.throwIfAborted();
  await using cleanup = new AsyncDisposableStack();
  const { gate, limits } = options;
  const layout = new JailLayout(!gate.jails.driver.unsafe);
  const inside = await mountStepJail(options, layout, cleanup);
  const { workspace, egress, env } = inside;
  const config: SetupConfig = {
    ...{ run: options.run, workspace, env },
    ...(egress === undefined ? {} : { egress }),
  };
  const jail = await startStepJail(options, layout, inside, guestPrograms.setup, config);
  let ended: "timeout" | "abort" | undefined;
  const end = (cause: "timeout" | "abort") => {
    ended ??= cause;
    void jail.stop({ graceMs: 0 });
  };
  const timer = setTimeout(() => end("timeout"), options.timeoutMs);
  const onAbort = () => end("abort");
  options.signal.addEventListener("abort", onAbort, { once: true });
  // The signal may have been aborted while the jail was starting.
  if (options.signal.aborted) onAbort();
  try {
    jail.stdin.on("error", () => {});
    jail.stdin.end();
    const tail = new OutputTail(limits.maxStepOutputBytes);
    const [exit] = await Promise.all([
      jail.exited,
      ...[jail.stdout, jail.stderr].map((stream) =>
        readText(stream, (text) => {
          tail.add(text);
          options.onOutput(text);
        }),
      ),
    ]);
    if (ended === "abort") throw options.signal.reason;
    return { exit, isTimedOut: ended === "timeout", output: tail.text };
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", onAbort);
  }
}

function unsafePath(node: string): string {
  return `${dirname(node)}:${process.env.PATH ?? "/usr/bin:/bin"}`;
}

/** Paths in the jail, and the variables of what runs in it. */
export interface StepJail {
  readonly node: string;
  readonly guest: string;
  readonly workspace: string;
  readonly home: string;
  /** Socket of the egress proxy; undefined without network. */
  readonly egress: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** Mounts what the commands of an environment need, and opens their way to the network. */
export async function mountStepJail(
  options: StepJailOptions,
  layout: JailLayout,
  cleanup: AsyncDisposableStack,
): Promise<StepJail> {
  const { bundle, folders, network } = options;
  const node = layout.mount(process.execPath, jailPaths.node, "ro");
  const guest = layout.mount(bundle.directory, jailPaths.guest, "ro");
  const workspace = layout.mount(folders.workspace, jailPaths.workspace, "rw");
  const home = layout.mount(folders.home, jailPaths.home, "rw");
  const env: Record<string, string> = { ...network?.variables, ...options.variables };
  for (const { name, variable, folder } of options.caches ?? []) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    env[variable] = layout.mount(folder, `${jailPaths.caches}/${name}`, "rw");
  }
  if (network === undefined) return { node, guest, workspace, home, egress: undefined, env };
  const opened = await openEgress(options, network);
  cleanup.defer(() => opened.close());
  const egress = layout.mount(opened.socketPath, jailPaths.egress, "rw");
  if (opened.authority !== undefined) {
    const { certificatePath, bundlePath } = opened.authority;
    const authority = {
      certificatePath: layout.mount(certificatePath, jailPaths.authority, "ro"),
      bundlePath: layout.mount(bundlePath, jailPaths.authorities, "ro"),
    };
    Object.assign(env, authorityEnvironment(authority));
  }
  return { node, guest, workspace, home, egress, env };
}

/** Starts a program of the bundle in it, with its configuration as the only argument. */
export function startStepJail(
  { gate, limits, jailId, session }: StepJailOptions,
  layout: JailLayout,
  { node, guest, workspace, home }: StepJail,
  program: string,
  config: object,
  env: Readonly<Record<string, string>> = {},
): Promise<Jail> {
  return gate.jails.start({
    ...{ id: jailId, session },
    command: node,
    args: [`${guest}/${program}`, JSON.stringify(config)],
    cwd: workspace,
    env: {
      HOME: home,
      PATH: gate.jails.driver.unsafe ? unsafePath(node) : jailPath,
      LANG: "C.UTF-8",
      ...env,
    },
    mounts: layout.mounts,
    limits: {
      memoryBytes: limits.jailMemoryBytes,
      pids: limits.jailPids,
      tmpBytes: limits.jailTmpBytes,
      diskBytes: limits.jailDiskBytes,
      diskEntries: limits.jailDiskEntries,
    },
    network: "none",
  });
}

/** Tunnels are intercepted, so that the methods and paths of the rules hold inside of TLS too. */
function openEgress({ gate, jailId, session }: StepJailOptions, { upstreams, hosts }: StepNetwork) {
  return gate.openEgress({
    ...{ jailId, session, organization: organizationOfId(session), user: "owner" },
    ...{ upstreams, hosts, intercept: true, taints: false },
  });
}

async function readText(stream: Readable, onText: (text: string) => void): Promise<void> {
  const decoder = new StringDecoder("utf8");
  stream.on("data", (chunk: Buffer) => onText(decoder.write(chunk)));
  await new Promise<void>((resolve) => {
    stream.once("close", resolve);
    stream.once("end", resolve);
    stream.once("error", () => resolve());
  });
  onText(decoder.end());
}

/** The end of an output, at most `maxLength` characters. */
export class OutputTail {
  readonly #maxLength: number;
  text = "";

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  add(text: string): void {
    this.text = (this.text + text).slice(-this.#maxLength);
  }
}
