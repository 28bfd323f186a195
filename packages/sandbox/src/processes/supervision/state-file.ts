/** Supervision of processes: health checks, survivors of a dead server, listening ports and previews. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@holdfast/core";
import { isRecord } from "../../http/problem.ts";
import type { ProcessFamily } from "../../internal/spawn/process-group.ts";
import { statOf } from "../../internal/spawn/process-inspection.ts";
import type { ProcessOwner } from "../spec.ts";

/** Record of a running process, by which a later server finds it. */
export interface StoredProcess {
  readonly id: string;
  readonly owner: ProcessOwner;
  readonly createdAtMs: number;
  readonly family: ProcessFamily;
  readonly spec: {
    readonly command: string;
    readonly args: readonly string[];
    readonly cwd?: string;
    readonly tty: boolean;
    readonly interactive: boolean;
    readonly name?: string;
  };
}

/** Content of a state file: one server and the processes that it ran. */
export interface StoredServer {
  readonly version: 1;
  /** Id of the machine's boot: process ids mean nothing after another one. */
  readonly bootId: string;
  readonly pid: number;
  readonly startTicks: number;
  /** Prefix of the marks of all processes that the server started. */
  readonly mark: string;
  /** Directory of its control groups. */
  readonly groups?: string;
  readonly processes: readonly StoredProcess[];
}

const fileName = /^processes-[0-9a-f-]+\.json$/;

/** The state file of one server. It exists while the server runs, and remains when the server is killed. */
export class StateFile {
  readonly #directory: string;
  readonly #path: string;
  readonly #mark: string;
  readonly #groups: () => string | undefined;
  readonly #log: Logger;
  #latest: readonly StoredProcess[] = [];
  #saving: Promise<void> | undefined;
  #dirty = false;

  /** `groups` returns the directory of the server's control groups, once there are any. */
  constructor(directory: string, mark: string, groups: () => string | undefined, log: Logger) {
    this.#directory = directory;
    this.#path = join(directory, `processes-${mark}.json`);
    this.#mark = mark;
    this.#groups = groups;
    this.#log = log;
  }

  /** Replaces the content; resolves when this or a later content is in the file. Never rejects. */
  async save(processes: readonly StoredProcess[]): Promise<void> {
    this.#latest = processes;
    this.#dirty = true;
    // One write at a time; concurrent calls share the next one.
    while (this.#dirty) {
      this.#saving ??= this.#write().finally(() => {
        this.#saving = undefined;
      });
      await this.#saving;
    }
  }

  async discard(): Promise<void> {
    await this.#saving;
    await rm(this.#path, { force: true });
  }

  async #write(): Promise<void> {
    this.#dirty = false;
    const groups = this.#groups();
    const server: StoredServer = {
      version: 1,
      bootId: bootId(),
      pid: process.pid,
      startTicks: statOf(process.pid)?.startTicks ?? 0,
      mark: this.#mark,
      ...(groups === undefined ? {} : { groups }),
      processes: this.#latest,
    };
    const draft = `${this.#path}.${randomUUID()}`;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeFile(draft, JSON.stringify(server), { mode: 0o600 });
      await rename(draft, this.#path);
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {});
      this.#log.warn("the state of processes was not written", { cause: String(error) });
    }
  }
}

/** State files in `directory` of servers that have died; files of an earlier boot are removed. */
export async function deadServers(
  directory: string,
  log: Logger,
): Promise<{ readonly path: string; readonly server: StoredServer }[]> {
  const names = await readdir(directory).catch(() => []);
  const found: { path: string; server: StoredServer }[] = [];
  for (const name of names.filter((text) => fileName.test(text))) {
    const path = join(directory, name);
    const server = parseServer(await readFile(path, "utf8").catch(() => ""));
    if (server === undefined || server.bootId !== bootId()) {
      if (server === undefined) log.warn("a state file of processes cannot be read", { path });
      await rm(path, { force: true });
      continue;
    }
    if (statOf(server.pid)?.startTicks !== server.startTicks) found.push({ path, server });
  }
  return found;
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** Undefined for a file that does not have our format: ours are replaced atomically. */
function parseServer(text: string): StoredServer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isServer(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isServer(value: unknown): value is StoredServer {
  return (
    isRecord(value) &&
    value.version === 1 &&
    typeof value.bootId === "string" &&
    typeof value.pid === "number" &&
    typeof value.startTicks === "number" &&
    typeof value.mark === "string" &&
    (value.groups === undefined || typeof value.groups === "string") &&
    Array.isArray(value.processes) &&
    value.processes.every(isStored)
  );
}

function isStored(value: unknown): value is StoredProcess {
  return (
    isRecord(value) &&
    typeof value.id === "string" &&
    typeof value.createdAtMs === "number" &&
    isRecord(value.family) &&
    typeof value.family.pid === "number" &&
    typeof value.family.marker === "string" &&
    isRecord(value.spec) &&
    typeof value.spec.command === "string" &&
    Array.isArray(value.spec.args)
  );
}
