/** Steps of environments that have failed: their files, and the sandboxes in which people look at them. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, type Ports, uuidv4 } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import { organizationOfId } from "../../access/organization-ids.ts";
import type { SandboxRoute } from "../../cluster/other-nodes.ts";
import type { GuestBundle } from "../../jail/bundle.ts";
import type { TaskFolders } from "../../jail/layout.ts";
import type { StudioLimits } from "../../limits.ts";
import { IdleAgents } from "../../work/idle-agents.ts";
import type { EnvironmentCache, NetworkRule } from "../environment.ts";
import { removeFolder } from "../snapshot-files.ts";
import { environmentFolder } from "../snapshots.ts";
import { stepNetwork } from "../step-network.ts";
import { type StepSandbox, startStepSandbox } from "./step-sandbox.ts";

export interface FailedStepsOptions {
  readonly ports: Ports;
  readonly gate: Gate;
  readonly limits: StudioLimits;
  readonly bundle: () => Promise<GuestBundle>;
  readonly dataDirectory: string;
  /** A private folder for sockets, with a short path. */
  readonly runDirectory: string;
  /** Folder of all environments. */
  readonly directory: string;
  /** Folder of the caches of all repositories. */
  readonly cacheDirectory: string;
}

/** A step that has failed, with what its jail had. */
export interface FailedStep {
  /** Name of the folder of the repository's caches. */
  readonly cacheKey: string;
  readonly run: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly caches: readonly EnvironmentCache[];
  readonly network: readonly NetworkRule[];
}

interface StoredStep extends FailedStep {
  readonly version: 1;
}

const folderName = "failed";
const storedName = "step.json";
const unfinishedName = "step.json.new";

/**
 * The files of steps that have failed, for people who want to look: those of the newest failure of each repository, and
 * a sandbox on them while somebody has a terminal open. What is changed there prepares nothing.
 */
export class FailedSteps {
  readonly #options: FailedStepsOptions;
  readonly #idle: IdleAgents;
  readonly #sandboxes = new Map<string, Promise<StepSandbox>>();
  /** The running ones of these. */
  readonly #running = new Map<string, StepSandbox>();

  constructor(options: FailedStepsOptions) {
    this.#options = options;
    const { failedStepIdleMs: idleMs, maxFailedStepSandboxes: most } = options.limits;
    this.#idle = new IdleAgents({ idleMs, most, evict: (id) => void this.#end(id) });
  }

  /** Keeps the files of a step instead of those of earlier failures of the repository that nobody looks at. */
  async keep(id: string, step: FailedStep, folders: TaskFolders): Promise<void> {
    for (const other of await this.#others(id, step.cacheKey))
      if (!this.#sandboxes.has(other)) await this.discard(other);
    const folder = this.#folder(id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rename(folders.workspace, join(folder, "workspace"));
    await rename(folders.home, join(folder, "home"));
    const stored: StoredStep = { version: 1, ...step };
    // Failures of other repositories read it meanwhile.
    await writeFile(join(folder, unfinishedName), JSON.stringify(stored), { mode: 0o600 });
    await rename(join(folder, unfinishedName), join(folder, storedName));
  }

  /** Ends the terminals of a failed step, and removes its files. */
  async discard(id: string): Promise<void> {
    const folder = this.#folder(id);
    const old = join(folder, "..", `old-${randomBytes(6).toString("hex")}`);
    // From here on, no sandbox starts on them.
    await rename(folder, old).catch(ignoreMissing);
    await this.#end(id);
    await removeFolder(old);
  }

  /** Ends the terminals of an organization. */
  async endAll(organization: string): Promise<void> {
    for (const id of this.#sandboxes.keys()) if (organizationOfId(id) === organization) await this.#end(id);
  }

  /**
   * Opens a terminal on the files of a failed step, as they were when it ended, with its variables and its network.
   * Resolves with the id of the process. Throws `environment.not_found`, `.not_kept`, `.sandbox_failed`, and the errors of
   * the jail, of the gate and of the network rules.
   */
  async openTerminal(id: string): Promise<string> {
    const sandbox = await this.#sandboxOf(id);
    const terminal = await sandbox.openTerminal();
    this.#idle.add(id);
    return terminal;
  }

  /** The way to the sandbox on a failed step, while it runs. */
  route(id: string): SandboxRoute | undefined {
    const sandbox = this.#running.get(id);
    return sandbox && { agent: sandbox.agent, prefix: "", hold: () => this.#idle.hold(id) };
  }

  /** Ends all terminals. The files stay. */
  async close(): Promise<void> {
    this.#idle.close();
    await Promise.all([...this.#sandboxes.keys()].map((id) => this.#end(id)));
  }

  #sandboxOf(id: string): Promise<StepSandbox> {
    const known = this.#sandboxes.get(id);
    if (known !== undefined) return known;
    const started = this.#start(id);
    this.#sandboxes.set(id, started);
    const forget = () => {
      if (this.#sandboxes.get(id) !== started) return;
      this.#sandboxes.delete(id);
      this.#running.delete(id);
      this.#idle.delete(id);
    };
    void started.then((sandbox) => {
      if (this.#sandboxes.get(id) === started) this.#running.set(id, sandbox);
      // A jail that ends by itself leaves sockets behind.
      void sandbox.ended.then(forget).then(() => sandbox.stop());
    }, forget);
    return started;
  }

  async #start(id: string): Promise<StepSandbox> {
    const { ports, gate, limits, bundle, dataDirectory, runDirectory, cacheDirectory } = this.#options;
    const { cacheKey, run, variables, caches, network } = await this.#read(id);
    const folder = this.#folder(id);
    return startStepSandbox({
      ...{ gate, limits, run, variables, runDirectory },
      bundle: await bundle(),
      jailId: `environment-${uuidv4(ports.random).slice(0, 13)}`,
      session: id,
      folders: { workspace: join(folder, "workspace"), home: join(folder, "home") },
      caches: caches.map((cache) => ({ ...cache, folder: join(cacheDirectory, cacheKey, cache.name) })),
      network: await stepNetwork(network, dataDirectory, organizationOfId(id)),
    });
  }

  async #end(id: string): Promise<void> {
    const started = this.#sandboxes.get(id);
    this.#sandboxes.delete(id);
    this.#running.delete(id);
    this.#idle.delete(id);
    const sandbox = await started?.catch(() => undefined);
    await sandbox?.stop().catch((error: unknown) =>
      this.#options.ports.log.warn("could not end the sandbox of a failed step", {
        environment: id,
        error,
      }),
    );
  }

  async #read(id: string): Promise<StoredStep> {
    const step = await readStep(this.#folder(id));
    if (step !== undefined) return step;
    const message =
      "The files of this failed step are not kept any more. Prepare the environment again: if it fails, they are there.";
    throw new HoldfastError("environment", "not_kept", message, { statusCode: 410 });
  }

  /** Other environments that keep a failed step of the same repository. */
  async #others(id: string, cacheKey: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const name of await readdir(this.#options.directory)) {
      if (name === id) continue;
      const step = await readStep(join(this.#options.directory, name, folderName));
      if (step?.cacheKey === cacheKey) found.push(name);
    }
    return found;
  }

  /** Throws `environment.not_found`. */
  #folder(id: string): string {
    return join(environmentFolder(this.#options.directory, id), folderName);
  }
}

/** The step whose files are in a folder; undefined if there are none, also if they were removed just now. */
async function readStep(folder: string): Promise<StoredStep | undefined> {
  const text = await readFile(join(folder, storedName), "utf8").catch(ignoreMissing);
  return text === undefined ? undefined : (JSON.parse(text) as StoredStep);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
