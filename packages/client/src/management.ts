import { type ActorKey, type ActorKeyInput, encodeKey, HoldfastError, normalizeKey } from "@holdfast/core";

/** "running" is in memory, on its way there or about to leave it; "sleeping" is not. */
export type ActorStatus = "running" | "sleeping";

/** One actor, as lists show it. Times in milliseconds since the epoch. */
export interface ActorSummary {
  readonly id: string;
  readonly name: string;
  readonly key: ActorKey;
  readonly status: ActorStatus;
  readonly createdAt: number;
  /** When it wants to be woken. */
  readonly wakeAt?: number;
}

/** Which actors are meant; what is absent does not matter. */
export interface ActorFilter {
  /**
   * Of the key. A list: keys that begin with these components. Text: keys whose first component begins
   * with it.
   */
  readonly prefix?: ActorKeyInput;
  readonly status?: ActorStatus;
  /** Milliseconds since the epoch. */
  readonly createdAfter?: number;
}

/** Which page of which actors is asked for. */
export interface ListActorsOptions extends ActorFilter {
  /** 1 to 1,000; 100 unless given. */
  readonly limit?: number;
  /** What the page before gave. */
  readonly cursor?: string;
}

/** A page of a list of actors. */
export interface ActorSummaryPage {
  /** In order of their ids, which is that of their creation. */
  readonly actors: readonly ActorSummary[];
  /** Present when there may be more. */
  readonly cursor?: string;
}

/** Which actors are destroyed, and how many at the most. */
export interface DestroyManyOptions extends ActorFilter {
  /** At most so many are destroyed: 1 to 1,000; 1,000 unless given. */
  readonly limit?: number;
}

/** What became of the actors that were to be destroyed. */
export interface DestroyManyResult {
  readonly destroyed: number;
  /** Those that could not be destroyed, and why. */
  readonly failed: readonly { readonly id: string; readonly group: string; readonly code: string }[];
  /** True when there may be more than the limit allowed. */
  readonly more: boolean;
}

/** What is asked of many actors of one name, as drivers carry it. */
export type ManageRequest =
  | { readonly type: "list"; readonly name: string; readonly options: ListActorsOptions }
  | { readonly type: "count"; readonly name: string; readonly options: ActorFilter }
  | { readonly type: "destroyMany"; readonly name: string; readonly options: DestroyManyOptions }
  | { readonly type: "destroy"; readonly name: string; readonly key: ActorKey };

/** Actors on a page. Documented in docs/limits.md. */
export const manageLimits = { defaultPage: 100, maxPage: 1_000 } as const;

/** Checks a filter and its limit. Throws `actor.invalid_filter`, `actor.invalid_key`. */
export function checkFilter(options: ListActorsOptions): void {
  const { prefix, status, createdAfter, limit, cursor } = options;
  if (prefix !== undefined) normalizeKey(prefix);
  if (status !== undefined && status !== "running" && status !== "sleeping") {
    throw invalid('`status` is "running" or "sleeping"');
  }
  if (createdAfter !== undefined && !Number.isFinite(createdAfter)) {
    throw invalid("`createdAfter` is a time in milliseconds");
  }
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1 || limit > manageLimits.maxPage)) {
    throw invalid(`\`limit\` is a whole number from 1 to ${manageLimits.maxPage}`);
  }
  if (cursor !== undefined && !(typeof cursor === "string" && actorId.test(cursor))) {
    throw invalid("`cursor` is not one that a page gave. Pass on that of the page before, or none");
  }
}

/** A cursor is the id of the last actor of a page. */
const actorId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function invalid(message: string): HoldfastError {
  return new HoldfastError("actor", "invalid_filter", message);
}

/** What the text of every key that a prefix means begins with. */
export function prefixText(prefix: ActorKeyInput): string {
  return typeof prefix === "string" ? encodeURIComponent(prefix) : encodeKey(normalizeKey(prefix));
}

/** Query parameters of `GET /actors`; a prefix of components is `keyPrefix`, in the text of keys. */
export function filterQuery(name: string | undefined, options: ListActorsOptions): string {
  const query = new URLSearchParams();
  if (name !== undefined) query.set("name", name);
  const { prefix, status, createdAfter, limit, cursor } = options;
  if (typeof prefix === "string") query.set("prefix", prefix);
  else if (prefix !== undefined) query.set("keyPrefix", encodeKey(normalizeKey(prefix)));
  if (status !== undefined) query.set("status", status);
  if (createdAfter !== undefined) query.set("createdAfter", String(createdAfter));
  if (limit !== undefined) query.set("limit", String(limit));
  if (cursor !== undefined) query.set("cursor", cursor);
  return query.toString();
}
