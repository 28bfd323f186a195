import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@holdfast/core";
import { removeTree } from "@holdfast/sandbox-client/node";
import { agentOsLimits } from "../limits.ts";
import type { Machine, MachineFolders } from "./machine.ts";

export interface SpareMachinesOptions {
  /** Number of machines that wait. */
  readonly count: number;
  /** Folder of the disks. */
  readonly directory: string;
  readonly log: Logger;
  readonly launch: (folders: MachineFolders) => Promise<Machine>;
}

/** A machine in which nothing of an actor has run yet, and the name of its disk. */
export interface TakenSpare {
  readonly place: string;
  readonly machine: Machine;
}

const prefix = "spare-";
/** Written when an actor has taken a disk. */
const completeFile = "complete";

/** Machines with the same settings that are started ahead. Without a demand they end, so that no process is kept alive. */
export class SpareMachines {
  readonly #options: SpareMachinesOptions;
  readonly #ready: TakenSpare[] = [];
  #starting = 0;
  #idle: NodeJS.Timeout | undefined;
  #refill: NodeJS.Timeout | undefined;

  constructor(options: SpareMachinesOptions) {
    this.#options = options;
  }

  /** A spare machine, if one is ready. As many as are missing start soon after. */
  take(): TakenSpare | undefined {
    const taken = this.#ready.shift();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.#endAll(), agentOsLimits.spareIdleMs);
    // Later, since the start of another one would slow the first calls of this one.
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => this.#fill(), agentOsLimits.spareDelayMs);
    return taken;
  }

  #fill(): void {
    while (this.#ready.length + this.#starting < this.#options.count) void this.#add();
  }

  async #add(): Promise<void> {
    const { directory, launch, log } = this.#options;
    this.#starting += 1;
    const place = `${prefix}${randomUUID()}`;
    const folders = { home: join(directory, place, "home"), workspace: join(directory, place, "workspace") };
    try {
      for (const path of Object.values(folders)) await mkdir(path, { recursive: true, mode: 0o700 });
      const spare = { place, machine: await launch(folders) };
      this.#ready.push(spare);
      void spare.machine.ended.then(() => this.#drop(spare));
    } catch (error) {
      log.warn("could not start a machine ahead", { error });
      await removeTree(join(directory, place));
    } finally {
      this.#starting -= 1;
    }
  }

  async #drop(spare: TakenSpare): Promise<void> {
    const at = this.#ready.indexOf(spare);
    // One that was taken is its actor's affair.
    if (at < 0) return;
    this.#ready.splice(at, 1);
    await spare.machine.stop(0).catch(() => {});
    await removeTree(join(this.#options.directory, spare.place));
  }

  async #endAll(): Promise<void> {
    for (const spare of [...this.#ready]) await this.#drop(spare);
  }
}

/** Removes the disks of spare machines of an earlier process. Those that actors have taken stay. */
export async function removeOldSpares(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    if (name.startsWith(prefix) && !existsSync(join(path, completeFile))) await removeTree(path);
  }
}
