import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync } from "node:fs";
import { open, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const stampFormat = 1;

/** Content of a local copy. */
export interface CopyStamp {
  /** Version of the actor at the last commit that changed the database. */
  readonly version: number;
  readonly pageSize: number;
  readonly pages: number;
}

/** Newest content of a page. */
export interface Page {
  readonly no: number;
  readonly bytes: Uint8Array;
}

/**
 * Local copies of actors' databases, as files that are never synced. A copy is valid only with its stamp, a small file
 * beside it. The stamp is written when the copy is closed and removed before it is opened again, so a killed process
 * leaves none and the database is loaded again. A stamp from before the last boot is invalid: the disk may hold an
 * older copy than it states.
 */
export class LocalCopies {
  readonly #root: string;
  /** Identifies the server and the boot of this machine. */
  #origin: string;
  readonly #boot: string;
  readonly #maxCopies: number;

  /** `server` changes when a backup is restored or a standby promoted: existing copies are then invalid. */
  constructor(root: string, server: string, maxCopies: number) {
    this.#root = root;
    this.#boot = bootId();
    this.#origin = `${server}/${this.#boot}`;
    this.#maxCopies = maxCopies;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    this.#removeUnstamped();
  }

  /** Identity of the server's data: a copy is kept only if it is the same as when the copy was opened. */
  get origin(): string {
    return this.#origin;
  }

  /** Learns which server, and which run of it, has the data now. */
  serverIs(server: string): void {
    this.#origin = `${server}/${this.#boot}`;
  }

  /** Removes the copies that a killed process left. */
  #removeUnstamped(): void {
    for (const folder of readdirSync(this.#root).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      const names = new Set(readdirSync(join(this.#root, folder)));
      for (const name of names) {
        const copy = /^[0-9a-f]+\.db/.exec(name)?.[0];
        if (copy === undefined || names.has(`${copy}.stamp`)) continue;
        rmSync(join(this.#root, folder, name), { force: true });
      }
    }
  }

  pathOf(actorId: string): string {
    const name = Buffer.from(actorId).toString("hex");
    return join(this.#root, name.slice(-2), `${name}.db`);
  }

  /** Removes and returns the stamp of a valid copy. */
  takeStamp(actorId: string): CopyStamp | undefined {
    const path = this.pathOf(actorId);
    const stamp = this.#readStamp(`${path}.stamp`);
    remove(`${path}.stamp`);
    return stamp !== undefined && existsSync(path) ? stamp : undefined;
  }

  #readStamp(path: string): CopyStamp | undefined {
    try {
      const stamp: unknown = JSON.parse(readFileSync(path, "utf8"));
      if (typeof stamp !== "object" || stamp === null) return undefined;
      const { format, origin, version, pageSize, pages } = stamp as Record<string, unknown>;
      if (format !== stampFormat || origin !== this.#origin) return undefined;
      if (typeof version !== "number" || typeof pageSize !== "number") return undefined;
      return typeof pages === "number" ? { version, pageSize, pages } : undefined;
    } catch {
      // Without a valid stamp the database is loaded again.
      return undefined;
    }
  }

  /** Removes a copy, so that a new one can be written. */
  discard(actorId: string): void {
    const path = this.pathOf(actorId);
    for (const suffix of [".stamp", "-wal", "-shm", ""]) rmSync(`${path}${suffix}`, { force: true });
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }

  /** Writes pages into a closed copy, then truncates it to its size. Pages that were never written are zeros. */
  async write(actorId: string, stamp: CopyStamp, pages: AsyncIterable<readonly Page[]>): Promise<number> {
    const path = this.pathOf(actorId);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, existsSync(path) ? "r+" : "w+", 0o600);
    let count = 0;
    try {
      for await (const batch of pages) {
        for (const run of runsOf(batch)) await file.writev(run.bytes, (run.from - 1) * stamp.pageSize);
        count += batch.length;
      }
      await file.truncate(stamp.pages * stamp.pageSize);
      return count;
    } finally {
      await file.close();
    }
  }

  /** Stamps a closed copy for the next owner on this node. */
  async keep(actorId: string, stamp: CopyStamp): Promise<void> {
    const path = this.pathOf(actorId);
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, JSON.stringify({ format: stampFormat, origin: this.#origin, ...stamp }));
    await rename(temporary, `${path}.stamp`);
    await this.#evict(dirname(path));
  }

  /** Each folder keeps its share of the copies: the most recently used ones. */
  async #evict(folder: string): Promise<void> {
    const stamps = readdirSync(folder).filter((name) => name.endsWith(".stamp"));
    const excess = stamps.length - Math.max(1, Math.ceil(this.#maxCopies / 256));
    if (excess <= 0) return;
    const aged = await Promise.all(
      stamps.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
    );
    aged.sort((a, b) => a.at - b.at);
    for (const { name } of aged.slice(0, excess)) {
      const path = join(folder, name.slice(0, -".stamp".length));
      rmSync(`${path}.stamp`, { force: true });
      rmSync(path, { force: true });
    }
  }
}

/** Removes a file, if it is there. On the way of every wake, and twice as fast as `rmSync`. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Changes with each boot. On systems without one, copies are valid in this process only. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return randomUUID();
  }
}

/** Maximum number of buffers in one write on any operating system. */
const maxBuffers = 1_024;

/** Groups consecutive pages, each group for one write. */
function* runsOf(pages: readonly Page[]): Generator<{ readonly from: number; readonly bytes: Uint8Array[] }> {
  let run: { readonly from: number; readonly bytes: Uint8Array[] } | undefined;
  for (const { no, bytes } of pages) {
    if (run !== undefined && no === run.from + run.bytes.length && run.bytes.length < maxBuffers) {
      run.bytes.push(bytes);
      continue;
    }
    if (run !== undefined) yield run;
    run = { from: no, bytes: [bytes] };
  }
  if (run !== undefined) yield run;
}
