/** Supervision of processes: health checks, survivors of a dead server, listening ports and previews. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@holdfast/core";
import { isRecord } from "../../http/problem.ts";
import type { ProcessFamily } from "../../internal/spawn/process-group.ts";
import { readStat } from "../../internal/spawn/process-inspection.ts";
import type { ProcessOwner } from "../spec.ts";

/** Record of a running process, from which a later server can find it. */
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

/** Content of a state file: one server and its running processes. */
export interface StoredServer {
  readonly version: 1;
  /** Boot id of the machine. Process ids are only valid within one boot. */
  readonly bootId: string;
  readonly pid: number;
  readonly startTicks: number;
  /** Common prefix of the markers of all processes that the server started. */
  readonly mark: string;
  /** Directory of its control groups. */
  readonly groups?: string;
  readonly processes: readonly StoredProcess[];
}

const fileName = /^processes-[0-9a-f-]+\.json$/;

/** State file of one server. Exists while the server runs, and remains if the server is killed. */
export class StateFile {
  readonly #directory: string;
  readonly #path: string;
  readonly #mark: string;
  readonly #groups: () => string | undefined;
  readonly #log: Logger;
  #latest: readonly StoredProcess[] = [];
  #saving: Promise<void> | undefined;
  #dirty = false;

  /** `groups` returns the directory of the server's control groups, if there are any yet. */
  constructor(directory: string, mark: string, groups: () => string | undefined, log: Logger) {
    this.#directory = directory;
    this.#path = join(directory, `processes-${mark}.json`);
    this.#mark = mark;
    this.#groups = groups;
    this.#log = log;
  }

  /** Replaces the content. Resolves when this or a later content is written. Never rejects. */
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
      startTicks: readStat(process.pid)?.startTicks ?? 0,
      mark: this.#mark,
      ...(groups === undefined ? {} : { groups }),
      processes: this.#latest,
    };
    const temporary = `${this.#path}.${randomUUID()}`;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeFile(temporary, JSON.stringify(server), { mode: 0o600 });
      await rename(temporary, this.#path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      this.#log.warn("the process state file could not be written", { cause: String(error) });
    }
  }
}

/** Reads the state files of dead servers in `directory`, and removes those of an earlier boot. */
export async function readDeadServers(
  directory: string,
  log: Logger,
): Promise<{ readonly path: string; readonly server: StoredServer }[]> {
  const names = await readdir(directory).catch(() => []);
  const found: { path: string; server: StoredServer }[] = [];
  for (const name of names.filter((text) => fileName.test(text))) {
    const path = join(directory, name);
    const server = parseServer(await readFile(path, "utf8").catch(() => ""));
    if (server === undefined || server.bootId !== bootId()) {
      if (server === undefined) log.warn("a process state file is unreadable", { path });
      await rm(path, { force: true });
      continue;
    }
    if (readStat(server.pid)?.startTicks !== server.startTicks) found.push({ path, server });
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

/** Returns undefined for a foreign format. Ours is never incomplete, because it is replaced atomically. */
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
    value.processes.every(isStoredProcess)
  );
}

function isStoredProcess(value: unknown): value is StoredProcess {
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
