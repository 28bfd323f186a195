import { createHash } from "node:crypto";
import type { ConditionalPage } from "../forge.ts";

/**
 * Page of a forge that sends no entity tags, or tags of bodies with counters of unrelated things: the tag is made of the
 * items that are read. An unchanged page costs its transfer, and then no work.
 */
export function taggedPage<Item>(
  items: readonly Item[],
  nextPage: number | undefined,
  known: string | undefined,
): ConditionalPage<Item> {
  const etag = createHash("sha256")
    .update(JSON.stringify([nextPage ?? 0, items]))
    .digest("base64url");
  return etag === known ? { isModified: false } : { isModified: true, items, nextPage, etag };
}
