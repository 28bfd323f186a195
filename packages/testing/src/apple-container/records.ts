/** Records of the emulator's containers, one file each. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface MachineRecord {
  readonly name: string;
  readonly labels: readonly string[];
  /** Pid of the command that started it. */
  readonly client: number;
  /** Pid of the process that emulates its machine, once started. It survives a kill of the command. */
  readonly machine?: number;
  /** Host pid of the container's first process, once started. */
  readonly first?: number;
}

export class MachineRecords {
  readonly #directory: string;

  constructor(state: string) {
    this.#directory = join(state, "machines");
    mkdirSync(this.#directory, { recursive: true });
  }

  all(): MachineRecord[] {
    return readdirSync(this.#directory).flatMap((file) =>
      file.endsWith(".json") ? (this.find(file.slice(0, -".json".length)) ?? []) : [],
    );
  }

  find(name: string): MachineRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#path(name), "utf8")) as MachineRecord;
    } catch {
      // Missing, or removed by another process.
      return undefined;
    }
  }

  write(record: MachineRecord): void {
    const path = this.#path(record.name);
    writeFileSync(`${path}.${process.pid}`, JSON.stringify(record));
    renameSync(`${path}.${process.pid}`, path);
  }

  /** Private folder of a container, for its sockets and kernel name. */
  folder(name: string): string {
    return join(this.#directory, name);
  }

  remove(name: string): void {
    rmSync(this.folder(name), { recursive: true, force: true });
    rmSync(this.#path(name), { force: true });
  }

  #path(name: string): string {
    return join(this.#directory, `${name}.json`);
  }
}

/** True for a running process, false for a zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !["Z", "X"].includes(stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3));
  } catch {
    return false;
  }
}
