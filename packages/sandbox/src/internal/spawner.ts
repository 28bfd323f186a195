import { type ChildProcessByStdio, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import type { Logger } from "@holdfast/core";
import { endFamily, killFamily, markerName, type ProcessFamily } from "./process-group.ts";
import { Reaper } from "./reaper.ts";

export interface SpawnRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts processes in groups of their own and knows how to end them whole. */
export class Spawner {
  readonly #mark = randomUUID();
  readonly #log: Logger;
  readonly #families = new Set<ProcessFamily>();
  #reaper: Reaper | undefined;
  #count = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A child with three pipes. Resolves when it runs; rejects with the system's error when it cannot. */
  async withPipes(
    request: SpawnRequest,
  ): Promise<{ child: ChildProcessWithoutNullStreams; family: ProcessFamily }> {
    const marker = this.#marker();
    const child = spawn(request.program, [...request.args], {
      ...this.#options(request, marker),
      stdio: "pipe",
    });
    return { child, family: await this.#started(child, marker) };
  }

  /** A child whose input is empty. */
  async withoutInput(
    request: SpawnRequest,
  ): Promise<{ child: ChildProcessByStdio<null, Readable, Readable>; family: ProcessFamily }> {
    const marker = this.#marker();
    const child = spawn(request.program, [...request.args], {
      ...this.#options(request, marker),
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { child, family: await this.#started(child, marker) };
  }

  /** SIGTERM to the whole family, SIGKILL after `graceMs`; resolves when nobody is left. */
  async end(family: ProcessFamily, graceMs: number): Promise<void> {
    await (graceMs > 0 ? endFamily(family, graceMs) : killFamily(family));
    if (this.#families.delete(family)) this.#reaper?.remove(family.pid);
  }

  /** Ends everything that was started and not ended yet. */
  async close(): Promise<void> {
    await Promise.all([...this.#families].map((family) => this.end(family, 500)));
    await this.#reaper?.close();
  }

  #marker(): string {
    this.#count += 1;
    return `${this.#mark}.${this.#count}`;
  }

  #options(request: SpawnRequest, marker: string) {
    this.#reaper ??= new Reaper(this.#mark, this.#log);
    return { cwd: request.cwd, env: { ...request.env, [markerName]: marker }, detached: true };
  }

  async #started(
    child: { readonly pid?: number | undefined; once(event: string, fn: (error: Error) => void): unknown },
    marker: string,
  ): Promise<ProcessFamily> {
    // The pid is known at once, before "spawn": a crash in between must not leak the child.
    if (child.pid !== undefined) this.#reaper?.add(child.pid);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", () => resolve());
      child.once("error", reject);
    });
    const family = { pid: child.pid ?? 0, marker };
    this.#families.add(family);
    return family;
  }
}
