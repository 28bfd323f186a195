import { dirname } from "node:path";
import type { Logger } from "@holdfast/core";
import { problem } from "../../http/problem.ts";
import { removeGroup, removeGroups } from "../../internal/spawn/cgroup.ts";
import { removeLimitGroups } from "../../internal/spawn/command-limits.ts";
import {
  familyMembers,
  isFamilyAlive,
  killFamily,
  livingMarks,
  type ProcessFamily,
  signalFamily,
} from "../../internal/spawn/process-group.ts";
import { markOf } from "../../internal/spawn/process-inspection.ts";
import type { Managed } from "../managed.ts";
import { OutputRing } from "../output/log-ring.ts";
import type { ProcessInfo, ProcessOwner } from "../spec.ts";
import { Notifier } from "./notifier.ts";
import { deadServers, type StoredProcess } from "./state-file.ts";

/** Poll interval for the end of a process: only children report their exit. */
const pollMs = 100;

/** A process of an earlier server that still runs. Its pipes were closed with that server. */
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
    // The system reuses process ids: the group is ours only while its leader carries our mark.
    this.#family = markOf(pid) === marker ? stored.family : { ...stored.family, pid: 0 };
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

  /** Kills the whole family; resolves when no process is left. */
  async end(): Promise<void> {
    if (this.ended) return;
    await killFamily(this.#family);
    this.#removeGroup();
  }

  write(): void {
    throw problem(
      "conflict",
      409,
      "the process was started by an earlier server, and its input ended with it",
    );
  }

  resize(): void {
    this.write();
  }

  members(): number[] {
    return this.ended ? [] : familyMembers(this.#family);
  }

  giveUpRestart(): void {
    // Only the earlier server could have restarted it.
  }

  async release(): Promise<void> {
    clearTimeout(this.#timer);
    this.#removeGroup();
  }

  /** Removes its control groups, which its dead server cannot; the last one removes their parent too. */
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

export interface FoundSurvivors {
  readonly survivors: readonly SurvivingProcess[];
  /** The state files that listed them, to be removed once the new state file lists them. */
  readonly files: readonly string[];
}

/**
 * Finds what dead servers with a state file in `directory` left running: managed processes are returned,
 * agents and runs are killed.
 */
export async function findSurvivors(directory: string, log: Logger): Promise<FoundSurvivors> {
  const survivors: SurvivingProcess[] = [];
  const files: string[] = [];
  for (const { path, server } of await deadServers(directory, log)) {
    const known = new Map(server.processes.map((stored) => [stored.family.marker, stored]));
    for (const marker of livingMarks()) {
      const foreign = known.has(marker) || !marker.startsWith(`${server.mark}.`);
      if (!foreign) await killFamily({ pid: 0, marker });
    }
    if (server.groups !== undefined) removeGroups(server.groups);
    removeLimitGroups(server.mark);
    for (const stored of known.values()) {
      const survivor = new SurvivingProcess(stored);
      if (!survivor.ended) survivors.push(survivor);
    }
    files.push(path);
  }
  return { survivors, files };
}
