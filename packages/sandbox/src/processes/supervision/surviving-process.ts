import { dirname } from "node:path";
import type { Logger } from "@holdfast/core";
import { problem } from "../../http/problem.ts";
import { removeGroup, removeGroups } from "../../internal/spawn/cgroup.ts";
import { removeVersionOneGroups } from "../../internal/spawn/command-limits.ts";
import {
  familyMembers,
  isFamilyAlive,
  killFamily,
  livingMarks,
  type ProcessFamily,
  signalFamily,
} from "../../internal/spawn/process-group.ts";
import { readMark } from "../../internal/spawn/process-inspection.ts";
import type { Managed } from "../managed.ts";
import { OutputRing } from "../output/log-ring.ts";
import type { ProcessInfo, ProcessOwner } from "../spec.ts";
import { Notifier } from "./notifier.ts";
import { readDeadServers, type StoredProcess } from "./state-file.ts";

/** Interval of polling for the exit of a process that is no child of ours. */
const pollMs = 100;

/** A process of an earlier server that is still running. Its pipes were closed with that server. */
export class SurvivingProcess implements Managed {
  readonly output = new OutputRing(1);
  readonly changed = new Notifier();
  readonly stored: StoredProcess;
  readonly #family: ProcessFamily;
  #exitedAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stored: StoredProcess) {
    this.stored = stored;
    const { pid, marker } = stored.family;
    // Process ids are reused: the group is ours only if its leader carries our marker.
    this.#family = readMark(pid) === marker ? stored.family : { ...stored.family, pid: 0 };
    this.#poll();
  }

  get id(): string {
    return this.stored.id;
  }

  get owner(): ProcessOwner {
    return this.stored.owner;
  }

  get name(): string | undefined {
    return this.stored.spec.name;
  }

  get tty(): boolean {
    return this.stored.spec.tty;
  }

  get ended(): boolean {
    return this.#exitedAtMs !== undefined;
  }

  info(): ProcessInfo {
    const { spec, createdAtMs, id, owner } = this.stored;
    return {
      id,
      command: spec.command,
      args: spec.args,
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      tty: spec.tty,
      interactive: spec.interactive,
      owner,
      status: this.ended ? "exited" : "running",
      ...(this.ended ? {} : { pid: this.stored.family.pid }),
      createdAtMs,
      ...(this.#exitedAtMs === undefined ? {} : { exitedAtMs: this.#exitedAtMs }),
      ...(spec.name === undefined ? {} : { name: spec.name }),
      survivor: true,
    };
  }

  stop(): void {
    if (!this.ended) signalFamily(this.#family, "SIGTERM");
  }

  kill(): void {
    void this.end();
  }

  /** Kills the complete family. Resolves when no process is left. */
  async end(): Promise<void> {
    if (this.ended) return;
    await killFamily(this.#family);
    this.#removeGroup();
  }

  write(): void {
    throw problem(
      "conflict",
      409,
      "an earlier server started the process, and its input was closed with that server",
    );
  }

  closeInput(): void {
    this.write();
  }

  resize(): void {
    this.write();
  }

  members(): number[] {
    return this.ended ? [] : familyMembers(this.#family);
  }

  cancelRestart(): void {
    // Only the earlier server could have restarted it.
  }

  async release(): Promise<void> {
    clearTimeout(this.#timer);
    this.#removeGroup();
  }

  /** Removes the control groups, which the dead server cannot. The last process removes their parent too. */
  #removeGroup(): void {
    const { group, limited = [] } = this.#family;
    for (const path of group === undefined ? limited : [...limited, group]) {
      removeGroup(path);
      removeGroup(dirname(path));
    }
  }

  #poll(): void {
    if (!isFamilyAlive(this.#family)) {
      this.#exitedAtMs = Date.now();
      this.changed.notify();
      return;
    }
    this.#timer = setTimeout(() => this.#poll(), pollMs);
    this.#timer.unref();
  }
}

/** Processes of dead servers that still run. */
export interface FoundSurvivors {
  readonly survivors: readonly SurvivingProcess[];
  /** State files that listed them. Remove them once the new state file is written. */
  readonly files: readonly string[];
}

/** Finds processes that dead servers left running. Returns the managed ones, and kills agents and one-shot runs. */
export async function findSurvivors(directory: string, log: Logger): Promise<FoundSurvivors> {
  const survivors: SurvivingProcess[] = [];
  const files: string[] = [];
  for (const { path, server } of await readDeadServers(directory, log)) {
    const storedByMarker = new Map(server.processes.map((stored) => [stored.family.marker, stored]));
    for (const marker of livingMarks()) {
      const isForeign = storedByMarker.has(marker) || !marker.startsWith(`${server.mark}.`);
      if (!isForeign) await killFamily({ pid: 0, marker });
    }
    if (server.groups !== undefined) removeGroups(server.groups);
    removeVersionOneGroups(server.mark);
    for (const stored of storedByMarker.values()) {
      const survivor = new SurvivingProcess(stored);
      if (!survivor.ended) survivors.push(survivor);
    }
    files.push(path);
  }
  return { survivors, files };
}
