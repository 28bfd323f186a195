import { join } from "node:path";
import type { Clock } from "@holdfast/core";
import { changeExclusively } from "./exclusive-change.ts";
import { type Grant, type GrantStore, unexpired } from "./grants.ts";
import { parseJson, readIfPresent, readIfPresentSync, writePrivateFileSync } from "./private-file.ts";
import { damaged } from "./sealing.ts";

/** Grants in a private file that commands and a running gate share. A change removes expired ones. */
export class GrantFile implements GrantStore {
  readonly #directory: string;
  readonly #path: string;
  readonly #clock: Clock;

  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#path = join(directory, "grants.json");
    this.#clock = clock;
  }

  async all(): Promise<readonly Grant[]> {
    return this.#valid(await readIfPresent(this.#path));
  }

  #valid(content: Buffer | undefined): readonly Grant[] {
    if (content === undefined) return [];
    const { version, grants } = parseJson(content.toString("utf8")) ?? {};
    if (version !== 1 || !Array.isArray(grants)) throw damaged("grants.json is not of version 1");
    return unexpired(grants as Grant[], this.#clock);
  }

  async add(grant: Grant, check: (count: number) => void): Promise<void> {
    this.#change((grants) => {
      check(grants.length);
      return [...grants, grant];
    });
  }

  async remove(id: string): Promise<boolean> {
    // Checked before locking, so that removing nothing creates no files.
    const isThere = (await this.all()).some((each) => each.id === id);
    return isThere && this.#change((grants) => grants.filter((each) => each.id !== id));
  }

  /** Applies a change; gives whether the number of grants changed. */
  #change(change: (grants: readonly Grant[]) => readonly Grant[]): boolean {
    return changeExclusively(this.#directory, () => {
      const before = this.#valid(readIfPresentSync(this.#path));
      const grants = change(before);
      writePrivateFileSync(this.#path, JSON.stringify({ version: 1, grants }));
      return grants.length !== before.length;
    });
  }
}
