import { rm } from "node:fs/promises";
import type { Logger } from "@holdfast/core";
import { problem } from "../http/problem.ts";
import type { Spawner, SpawnRequest } from "../internal/spawn/spawner.ts";
import type { SandboxLimits } from "../limits.ts";
import { type Managed, ManagedProcess } from "./managed.ts";
import type { ProcessIds } from "./process-ids.ts";
import type { ProcessSettings } from "./settings.ts";
import type { ProcessOwner, ProcessSpec } from "./spec.ts";
import type { StateFile } from "./supervision/state-file.ts";
import { type FoundSurvivors, SurvivingProcess } from "./supervision/surviving-process.ts";

export interface TableOptions {
  readonly spawner: Spawner;
  readonly limits: SandboxLimits;
  readonly settings: ProcessSettings;
  readonly log: Logger;
  readonly ids: ProcessIds;
  /** Absent without a data directory. Then no later server finds the processes. */
  readonly state?: StateFile;
}

/** Registry of the managed processes of a server. */
export class ProcessTable {
  readonly #options: TableOptions;
  readonly #processes = new Map<string, Managed>();
  readonly #names = new Set<string>();
  #settings: ProcessSettings;
  #starting = 0;
  #closed = false;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  get settings(): ProcessSettings {
    return this.#settings;
  }

  /** Applies new settings. A running process keeps its log limit. */
  configure(settings: ProcessSettings): void {
    this.#settings = settings;
  }

  /** Registers processes that an earlier server left running. New ids continue after theirs. */
  async adopt({ survivors, files }: FoundSurvivors): Promise<void> {
    for (const survivor of survivors) {
      this.#processes.set(survivor.id, survivor);
      this.#options.ids.skipTo(idNumber(survivor));
    }
    await this.#save();
    for (const path of files) await rm(path, { force: true });
  }

  /**
   * Starts a process. Throws `conflict` at the limit and for a name in use, and the system's error if it cannot start.
   */
  async create(spec: ProcessSpec, owner: ProcessOwner, request: SpawnRequest): Promise<Managed> {
    const running = [...this.#processes.values()].filter((process) => !process.ended).length;
    const maxProcesses = this.#settings.maxConcurrentProcesses;
    if (this.#closed) throw problem("conflict", 409, "the server is closing");
    if (running + this.#starting >= maxProcesses) {
      throw problem("conflict", 409, `max concurrent process limit reached (${maxProcesses})`);
    }
    const { name } = spec;
    if (name !== undefined && (this.#names.has(name) || this.#findByName(name))) {
      throw problem("conflict", 409, `a process with the name "${name}" exists already`);
    }
    this.#starting += 1;
    if (name !== undefined) this.#names.add(name);
    try {
      const { spawner, log, ids } = this.#options;
      const maxLogBytes = this.#settings.maxLogBytesPerProcess;
      const process = new ManagedProcess(await ids.next(), owner, spec, request, {
        spawner,
        log,
        maxLogBytes,
        onChange: () => this.#changed(),
      });
      await process.start();
      this.#processes.set(process.id, process);
      if (this.#closed) process.kill();
      await this.#save();
      return process;
    } finally {
      this.#starting -= 1;
      if (name !== undefined) this.#names.delete(name);
    }
  }

  /** Sort by creation, because a later process may have started faster. */
  list(owner?: ProcessOwner): Managed[] {
    return [...this.#processes.values()]
      .filter((process) => owner === undefined || process.owner === owner)
      .sort((a, b) => idNumber(a) - idNumber(b));
  }

  /** Finds a process by id or name. Throws `not_found`. */
  get(id: string): Managed {
    const process = this.#processes.get(id) ?? this.#findByName(id);
    if (process) return process;
    throw problem("not_found", 404, `process not found: ${id}`, { details: { id, resource: "process" } });
  }

  /** Removes an exited process and its output, and waits for its descendants. Throws `conflict` while it runs. */
  async remove(id: string): Promise<void> {
    const process = this.get(id);
    if (process.info().status === "running") {
      throw problem("conflict", 409, "the process is still running; stop or kill it first");
    }
    await process.release();
    this.#processes.delete(process.id);
    await this.#save();
  }

  /** Ends survivors and cancels restarts. The spawner ends the processes that this server started. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.list().map((process) =>
        process instanceof SurvivingProcess ? process.end() : process.cancelRestart(),
      ),
    );
  }

  #findByName(name: string): Managed | undefined {
    return [...this.#processes.values()].find((process) => process.name === name);
  }

  #changed(): void {
    this.#removeOldest();
    void this.#save();
  }

  /** Drops the oldest exited processes beyond the limits of count and output bytes. Named ones stay. */
  #removeOldest(): void {
    const { maxExitedProcesses, maxExitedLogBytes } = this.#options.limits;
    const exited = [...this.#processes.values()]
      .filter((process) => process.ended && process.name === undefined)
      .sort((a, b) => (a.info().exitedAtMs ?? 0) - (b.info().exitedAtMs ?? 0));
    let bytes = exited.reduce((sum, process) => sum + process.output.retainedBytes, 0);
    while (exited.length > maxExitedProcesses || (bytes > maxExitedLogBytes && exited.length > 1)) {
      const oldest = exited.shift();
      if (!oldest) return;
      bytes -= oldest.output.retainedBytes;
      this.#processes.delete(oldest.id);
    }
  }

  async #save(): Promise<void> {
    if (!this.#options.state || this.#closed) return;
    await this.#options.state.save(
      this.list().flatMap((process) => {
        if (process instanceof SurvivingProcess) return process.ended ? [] : [process.stored];
        const stored = process instanceof ManagedProcess ? process.stored() : undefined;
        return stored === undefined ? [] : [stored];
      }),
    );
  }
}

function idNumber({ id }: Managed): number {
  return Number(/^proc_(\d+)$/.exec(id)?.[1] ?? 0);
}
