/** What is known of the containers of an emulated `container`: a file for each in its folder. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface MachineRecord {
  readonly name: string;
  readonly labels: readonly string[];
  /** Pid of the command that runs it. */
  readonly client: number;
  /** Pid of what stands for its machine, once there is one: it lives on when the command is killed. */
  readonly machine?: number;
  /** Host pid of the first process of the container, once it runs. */
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
      // It is not there, or was removed meanwhile.
      return undefined;
    }
  }

  write(record: MachineRecord): void {
    const path = this.#path(record.name);
    writeFileSync(`${path}.${process.pid}`, JSON.stringify(record));
    renameSync(`${path}.${process.pid}`, path);
  }

  /** Where a container keeps what is its own: its sockets, the name of its kernel. */
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

/** Whether a process lives; one that is dead and not collected does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !["Z", "X"].includes(stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3));
  } catch {
    return false;
  }
}
