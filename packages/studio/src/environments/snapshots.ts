import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, type Logger } from "@holdfast/core";
import { organizationOfId } from "../access/organization-ids.ts";
import type { UserRepository } from "../cluster/repositories.ts";
import type { Git } from "../git/git.ts";
import { copyFolder, type PlacedTask, placeAdditions, removeFolder, syncFolder } from "./snapshot-files.ts";

/** What a snapshot says about itself. */
export interface SnapshotManifest {
  readonly version: 1;
  readonly repository: string;
  /** The node with the repository. Absent on a single node. */
  readonly node?: string;
  readonly preparedAt: number;
  /** Paths in the workspace. */
  readonly additions: readonly string[];
}

/** The parts of a snapshot. */
export const snapshotParts = { files: "files", home: "home" } as const;

const manifestFile = "manifest.json";
const idPattern = /^(?:[a-z0-9]{1,16}_)?[0-9a-f]{32}$/;

/**
 * Prepared environments on this machine, each in a folder of its own: `snapshot`, which never changes, and `spare`, a
 * copy that the next task takes by a rename, however large it is.
 */
export class Snapshots {
  readonly #directory: string;
  readonly #git: Git;
  readonly #log: Logger;
  /** Tails of the mutexes that serialize the changes of each environment's folder. */
  readonly #tails = new Map<string, Promise<unknown>>();
  #closed = false;

  constructor(directory: string, git: Git, log: Logger) {
    this.#directory = directory;
    this.#git = git;
    this.#log = log;
  }

  has(id: string): boolean {
    return existsSync(join(this.#folder(id), "snapshot", manifestFile));
  }

  /** A new folder to prepare in. Those of earlier attempts are removed. */
  begin(id: string): Promise<string> {
    return this.#serialize(id, async () => {
      const folder = this.#folder(id);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const name of await readdir(folder)) {
        if (name !== "snapshot" && name !== "spare") await removeFolder(join(folder, name));
      }
      return mkdtemp(join(folder, "work-"));
    });
  }

  /** Makes `work/snapshot` the snapshot, in one step, and makes its first spare copy in the background. */
  async publish(id: string, work: string, manifest: SnapshotManifest): Promise<void> {
    const prepared = join(work, "snapshot");
    await writeFile(join(prepared, manifestFile), JSON.stringify(manifest), { mode: 0o600 });
    await syncFolder(prepared);
    await this.#serialize(id, async () => {
      await this.#discard(id);
      await rename(prepared, join(this.#folder(id), "snapshot"));
    });
    this.#makeSpare(id);
  }

  /** Removes a snapshot and its spare copy. */
  discard(id: string): Promise<void> {
    return this.#serialize(id, () => this.#discard(id));
  }

  async #discard(id: string): Promise<void> {
    for (const name of ["spare", "snapshot"]) {
      const path = join(this.#folder(id), name);
      if (!existsSync(path)) continue;
      const old = join(this.#folder(id), `old-${randomBytes(6).toString("hex")}`);
      await rename(path, old);
      await removeFolder(old);
    }
  }

  /**
   * Gives a task, in which no jail has run yet, a copy. An interrupted run is repeated. Throws
   * `environment.not_prepared`, `environment.disk_full`.
   */
  async place(
    id: string,
    task: PlacedTask & { readonly directory: string; readonly home: string },
  ): Promise<void> {
    const copy = join(task.directory, "environment");
    await this.#serialize(id, async () => {
      if (!this.has(id)) {
        const message = "The prepared environment was removed in the meantime. Send the prompt again.";
        throw new HoldfastError("environment", "not_prepared", message, { statusCode: 409 });
      }
      await removeFolder(copy);
      const spare = join(this.#folder(id), "spare");
      if (existsSync(spare)) await rename(spare, copy);
      else await copyFolder(join(this.#folder(id), "snapshot"), copy);
    });
    const { additions } = await readManifest(copy);
    await placeAdditions(this.#git, additions, join(copy, snapshotParts.files), task);
    await removeFolder(task.home);
    await rename(join(copy, snapshotParts.home), task.home);
    await removeFolder(copy);
    this.#makeSpare(id);
  }

  /**
   * Keeps the newest `count` snapshots that an organization has of a repository, and those for which `isPreparing` is
   * true, whose folders are in use.
   */
  async prune(
    repository: UserRepository,
    organization: string,
    count: number,
    isPreparing: (id: string) => boolean,
  ): Promise<void> {
    const found: { readonly id: string; readonly preparedAt: number }[] = [];
    for (const id of await readdir(this.#directory)) {
      if (!idPattern.test(id) || organizationOfId(id) !== organization) continue;
      // In turn with what replaces it or takes it away.
      const manifest = await this.#serialize(id, async () =>
        this.has(id) ? readManifest(join(this.#folder(id), "snapshot")) : undefined,
      );
      if (
        manifest === undefined ||
        manifest.repository !== repository.path ||
        manifest.node !== repository.node
      )
        continue;
      found.push({ id, preparedAt: manifest.preparedAt });
    }
    const old = found.toSorted((a, b) => b.preparedAt - a.preparedAt).slice(count);
    for (const { id, preparedAt } of old) {
      await this.#serialize(id, async () => {
        const folder = this.#folder(id);
        if (isPreparing(id) || !this.has(id)) return;
        if ((await readManifest(join(folder, "snapshot"))).preparedAt !== preparedAt) return;
        await this.#discard(id);
        await removeFolder(folder);
      });
    }
  }

  /** Removes the snapshots of an organization, each after `before`, and the folders of its caches. */
  async removeAll(
    organization: string,
    cacheDirectory: string,
    before: (id: string) => Promise<void>,
  ): Promise<void> {
    const own = async (directory: string) =>
      existsSync(directory)
        ? (await readdir(directory)).filter(
            (id) => idPattern.test(id) && organizationOfId(id) === organization,
          )
        : [];
    for (const id of await own(this.#directory)) {
      await before(id);
      await this.#serialize(id, () => removeFolder(this.#folder(id)));
    }
    for (const key of await own(cacheDirectory)) await removeFolder(join(cacheDirectory, key));
  }

  /** Resolves when the copies that are being made are complete; makes none after that. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#tails.values());
  }

  #makeSpare(id: string): void {
    if (this.#closed) return;
    const folder = this.#folder(id);
    const partial = join(folder, `spare-${randomBytes(6).toString("hex")}`);
    this.#serialize(id, async () => {
      if (existsSync(join(folder, "spare")) || !this.has(id)) return;
      await copyFolder(join(folder, "snapshot"), partial);
      await rename(partial, join(folder, "spare"));
    }).catch((error: unknown) => {
      // The next task waits for a copy instead.
      this.#log.warn("could not copy an environment in advance", { environment: id, error });
    });
  }

  #serialize<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#tails.get(id) ?? Promise.resolve()).then(work);
    const tail = turn.then(
      () => {},
      () => {},
    );
    this.#tails.set(id, tail);
    void tail.then(() => {
      if (this.#tails.get(id) === tail) this.#tails.delete(id);
    });
    return turn;
  }

  #folder(id: string): string {
    return environmentFolder(this.#directory, id);
  }
}

/** Folder of one environment. Throws `environment.not_found` for what is no id. */
export function environmentFolder(directory: string, id: string): string {
  if (idPattern.test(id)) return join(directory, id);
  throw new HoldfastError("environment", "not_found", "There is no such environment", { statusCode: 404 });
}

async function readManifest(snapshot: string): Promise<SnapshotManifest> {
  return JSON.parse(await readFile(join(snapshot, manifestFile), "utf8")) as SnapshotManifest;
}
