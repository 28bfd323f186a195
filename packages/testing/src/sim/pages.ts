import type { PlantedBug } from "./planted-bugs.ts";
import type { SeededRandom } from "./seeded.ts";

interface PageRow {
  readonly version: number;
  readonly bytes: Uint8Array;
}

interface Table {
  readonly version: number;
  readonly count: number;
  /** Rows by number, the latest first. Only a planted bug reads the one before. */
  readonly pages: Map<number, readonly PageRow[]>;
}

/** What a copy of a database lacks. */
export interface PageUpdate {
  readonly version: number;
  /** Number of pages of the database. */
  readonly count: number;
  readonly pages: readonly { readonly no: number; readonly bytes: Uint8Array }[];
}

/** Databases of actors as a store of several nodes keeps them: a row for each page, with the version that wrote it. */
export class PageTable {
  readonly #tables = new Map<string, Table>();
  readonly #random: SeededRandom;
  readonly #plant: PlantedBug | undefined;

  constructor(random: SeededRandom, plant: PlantedBug | undefined) {
    this.#random = random;
    this.#plant = plant;
  }

  has(actorId: string): boolean {
    return this.#tables.has(actorId);
  }

  delete(actorId: string): void {
    this.#tables.delete(actorId);
  }

  /** Writes the pages that differ from the stored ones. */
  write(actorId: string, version: number, content: Uint8Array): void {
    const pages = this.#tables.get(actorId)?.pages ?? new Map<number, readonly PageRow[]>();
    const count = content.length / pageSize;
    for (let no = 0; no < count; no++) {
      const bytes = content.slice(no * pageSize, (no + 1) * pageSize);
      const [last] = pages.get(no) ?? [];
      if (last !== undefined && Buffer.compare(last.bytes, bytes) === 0) continue;
      if (this.#plant === "drop-page" && this.#random.chance(0.1)) continue;
      pages.set(no, last === undefined ? [{ version, bytes }] : [{ version, bytes }, last]);
    }
    for (const no of [...pages.keys()]) if (no >= count) pages.delete(no);
    this.#tables.set(actorId, { version, count, pages });
  }

  /** The pages that were written after the version `since`. */
  since(actorId: string, since: number): PageUpdate | undefined {
    const table = this.#tables.get(actorId);
    if (table === undefined) return undefined;
    const pages = [...table.pages].flatMap(([no, [last, before]]) => {
      if (last === undefined || last.version <= since) return [];
      const isSwapped = this.#plant === "pages-out-of-order" && this.#random.chance(0.1);
      return [{ no, bytes: isSwapped && before !== undefined ? before.bytes : last.bytes }];
    });
    return { version: table.version, count: table.count, pages };
  }
}

/** A copy with an update applied. */
export function withUpdate(copy: Uint8Array, { count, pages }: PageUpdate): Uint8Array {
  const content = new Uint8Array(count * pageSize);
  content.set(copy.subarray(0, content.length));
  for (const { no, bytes } of pages) content.set(bytes, no * pageSize);
  return content;
}

/** The page size of SQLite's databases in memory. */
const pageSize = 4_096;
