import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { open, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const stampFormat = 1;

/** Which content a local copy has. */
export interface CopyStamp {
  /** The version of the actor whose commit has changed the database last. */
  readonly version: number;
  readonly pageSize: number;
  readonly pages: number;
}

/** The newest content of a page. */
export interface Page {
  readonly no: number;
  readonly bytes: Uint8Array;
}

/**
 * The local copies of actors' databases, as files that are never synced. A copy counts only with its stamp, a small
 * file beside it, which is written when the copy is closed, and removed before it is opened again: a killed process
 * leaves no stamp, and the database is loaded again. A stamp of before the last start of the machine does not count,
 * because then the disk may have an older copy than the stamp says.
 */
export class LocalCopies {
  readonly #root: string;
  /** Identifies the server and the start of this machine. */
  readonly #origin: string;
  readonly #maxCopies: number;

  /** `server` is another one after a backup was restored or a standby promoted: their copies cannot be completed. */
  constructor(root: string, server: string, maxCopies: number) {
    this.#root = root;
    this.#origin = `${server}/${bootId()}`;
    this.#maxCopies = maxCopies;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    this.#removeUnstamped();
  }

  /** Copies that a killed process has left. */
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

  /** The stamp of a copy that may be used; removed with this call. */
  takeStamp(actorId: string): CopyStamp | undefined {
    const path = this.pathOf(actorId);
    const stamp = existsSync(path) ? this.#readStamp(`${path}.stamp`) : undefined;
    rmSync(`${path}.stamp`, { force: true });
    return stamp;
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
      // Without a stamp the copy is loaded again.
      return undefined;
    }
  }

  /** Removes a copy, and makes room for a new one. */
  discard(actorId: string): void {
    const path = this.pathOf(actorId);
    for (const suffix of [".stamp", "-wal", "-shm", ""]) rmSync(`${path}${suffix}`, { force: true });
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }

  /** Writes pages into a copy that is not open, then gives it its size. Pages that are never written are zeros. */
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

  /** Keeps a closed copy for the next owner on this node. */
  async keep(actorId: string, stamp: CopyStamp): Promise<void> {
    const path = this.pathOf(actorId);
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, JSON.stringify({ format: stampFormat, origin: this.#origin, ...stamp }));
    await rename(temporary, `${path}.stamp`);
    await this.#evict(dirname(path));
  }

  /** Each folder keeps its share of the copies, the most recently used ones. */
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

/** Changes with each start of the machine. Where there is none, copies are not used beyond this process. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return randomUUID();
  }
}

/** Upper bound of the buffers of one write, on every operating system. */
const maxBuffers = 1_024;

/** Pages that follow each other, to be written at once. */
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
