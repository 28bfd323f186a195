import { actor } from "@holdfast/actors";
import type { SealedEntry } from "@holdfast/gate";

/** Some entries, at one version of all of them. */
export interface VaultPage {
  readonly version: number;
  readonly entries: readonly (readonly [name: string, entry: SealedEntry])[];
  /** True if more follow after the last. */
  readonly more: boolean;
}

/** Entries of a page. The largest has 16 KiB of text: a page stays below the limit of an answer. */
const pageEntries = 32;

/** The sealed entries of the cluster's vault, a key each. It never sees the key that opens them. */
export function createVaultActor() {
  return actor({
    /** `changes` counts all changes, so that a reader knows whether it has the latest. */
    createState: (): { version: 1; changes: number } => ({ version: 1, changes: 0 }),
    // A write that replaces an entry must not be overtaken between its check and its change.
    options: { name: "Vault", concurrency: "serial" },
    actions: {
      internal: {
        async get(c, name: string): Promise<SealedEntry | null> {
          const text = await c.kv.get(name);
          return text === null ? null : (JSON.parse(text) as SealedEntry);
        },

        /** A page of the entries that begin with `prefix`; null if nothing has changed since version `since`. */
        async list(c, prefix: string, after: string | null, since: number | null): Promise<VaultPage | null> {
          if (since === c.state.changes) return null;
          const start = after === null ? prefix : `${after}\0`;
          const rows = await c.kv.listRange(start, `${prefix}\u{10ffff}`, { limit: pageEntries + 1 });
          const entries = rows
            .slice(0, pageEntries)
            .map(([name, text]) => [name, JSON.parse(text) as SealedEntry] as const);
          return { version: c.state.changes, entries, more: rows.length > pageEntries };
        },

        /** With `replaces`, writes only over the entry with this `iv`, or where there is none for null. */
        async put(c, name: string, entry: SealedEntry, replaces?: string | null): Promise<boolean> {
          if (replaces !== undefined) {
            const text = await c.kv.get(name);
            const iv = text === null ? null : (JSON.parse(text) as SealedEntry).iv;
            if (iv !== replaces) return false;
          }
          await c.kv.put(name, JSON.stringify(entry));
          c.state.changes += 1;
          return true;
        },

        async delete(c, name: string): Promise<boolean> {
          if ((await c.kv.get(name)) === null) return false;
          await c.kv.delete(name);
          c.state.changes += 1;
          return true;
        },
      },
    },
  });
}
