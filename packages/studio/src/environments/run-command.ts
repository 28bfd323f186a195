import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { authorityEnvironment, type Gate, type JailExit, JailLayout } from "@holdfast/gate";
import { organizationOfId } from "../access/organization-ids.ts";
import { type GuestBundle, guestPrograms } from "../jail/bundle.ts";
import { jailPath, jailPaths, type TaskFolders } from "../jail/layout.ts";
import type { SetupConfig } from "../jail/setup.ts";
import type { StudioLimits } from "../limits.ts";
import type { EnvironmentCache } from "./environment.ts";
import type { StepNetwork } from "./step-network.ts";

export interface CommandOptions {
  readonly gate: Gate;
  readonly bundle: GuestBundle;
  readonly limits: StudioLimits;
  /** A command of the shell. */
  readonly run: string;
  readonly timeoutMs: number;
  /** Unique among running jails. */
  readonly jailId: string;
  /** For whom it runs, in the records of the gate. */
  readonly session: string;
  readonly folders: TaskFolders;
  readonly variables: Readonly<Record<string, string>>;
  readonly caches?: readonly (EnvironmentCache & { readonly folder: string })[];
  /** Without it, the command reaches no network. */
  readonly network?: StepNetwork | undefined;
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
  const { gate, limits, jailId } = options;
  const layout = new JailLayout(!gate.jails.driver.unsafe);
  const { config, node, program, home } = await configure(options, layout, cleanup);
  const jail = await gate.jails.start({
    id: jailId,
    command: node,
    args: [program, JSON.stringify(config)],
    cwd: config.workspace,
    env: { HOME: home, PATH: gate.jails.driver.unsafe ? unsafePath(node) : jailPath, LANG: "C.UTF-8" },
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

async function configure(options: CommandOptions, layout: JailLayout, cleanup: AsyncDisposableStack) {
  const { bundle, folders, run, network } = options;
  const node = layout.mount(process.execPath, jailPaths.node, "ro");
  const guest = layout.mount(bundle.directory, jailPaths.guest, "ro");
  const workspace = layout.mount(folders.workspace, jailPaths.workspace, "rw");
  const home = layout.mount(folders.home, jailPaths.home, "rw");
  const env: Record<string, string> = { ...network?.variables, ...options.variables };
  for (const { name, variable, folder } of options.caches ?? []) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    env[variable] = layout.mount(folder, `${jailPaths.caches}/${name}`, "rw");
  }
  let egress: string | undefined;
  if (network !== undefined) {
    const opened = await openEgress(options, network);
    cleanup.defer(() => opened.close());
    egress = layout.mount(opened.socketPath, jailPaths.egress, "rw");
    if (opened.authority !== undefined) {
      const { certificatePath, bundlePath } = opened.authority;
      const authority = {
        certificatePath: layout.mount(certificatePath, jailPaths.authority, "ro"),
        bundlePath: layout.mount(bundlePath, jailPaths.authorities, "ro"),
      };
      Object.assign(env, authorityEnvironment(authority));
    }
  }
  const config: SetupConfig = { run, workspace, env, ...(egress === undefined ? {} : { egress }) };
  return { config, node, program: `${guest}/${guestPrograms.setup}`, home };
}

/** Tunnels are intercepted, so that the methods and paths of the rules hold inside of TLS too. */
function openEgress({ gate, jailId, session }: CommandOptions, { upstreams, hosts }: StepNetwork) {
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
