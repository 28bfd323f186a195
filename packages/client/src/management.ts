import { type ActorKey, type ActorKeyInput, encodeKey, HoldfastError, normalizeKey } from "@holdfast/core";

/** "running": in memory, starting or stopping. "sleeping": not in memory. */
export type ActorStatus = "running" | "sleeping";

/** One actor in a list. Times are milliseconds since the epoch. */
export interface ActorSummary {
  readonly id: string;
  readonly name: string;
  readonly key: ActorKey;
  readonly status: ActorStatus;
  readonly createdAt: number;
  /** Next scheduled wake-up. */
  readonly wakeAt?: number;
}

/** Filter of actors. Absent members match everything. */
export interface ActorFilter {
  /**
   * Prefix of the key. A list matches keys that begin with these components; text matches keys whose first component
   * begins with it.
   */
  readonly prefix?: ActorKeyInput;
  readonly status?: ActorStatus;
  /** Milliseconds since the epoch. */
  readonly createdAfter?: number;
}

/** Filter and page of a list. */
export interface ListActorsOptions extends ActorFilter {
  /** 1 to 1,000. Default: 100. */
  readonly limit?: number;
  /** Cursor of the previous page. */
  readonly cursor?: string;
}

/** Page of a list of actors. */
export interface ActorSummaryPage {
  /** Ordered by id, which is the order of creation. */
  readonly actors: readonly ActorSummary[];
  /** Present when there may be more. */
  readonly cursor?: string;
  /**
   * Ids of the nodes of a cluster that did not answer in time, if there are any: their actors are shown as sleeping,
   * and are not among the running ones.
   */
  readonly unanswered?: readonly string[];
}

/** Filter and limit of a bulk destroy. */
export interface DestroyManyOptions extends ActorFilter {
  /** Largest number of actors to destroy: 1 to 1,000. Default: 1,000. */
  readonly limit?: number;
}

/** Outcome of a bulk destroy. */
export interface DestroyManyResult {
  readonly destroyed: number;
  /** Actors that could not be destroyed, and why. */
  readonly failed: readonly { readonly id: string; readonly group: string; readonly code: string }[];
  /** True when more actors may match than the limit allowed. */
  readonly more: boolean;
}

/** Management request, as drivers carry it. */
export type ManageRequest =
  | { readonly type: "list"; readonly name: string; readonly options: ListActorsOptions }
  | { readonly type: "count"; readonly name: string; readonly options: ActorFilter }
  | { readonly type: "destroyMany"; readonly name: string; readonly options: DestroyManyOptions }
  | { readonly type: "destroy"; readonly name: string; readonly key: ActorKey };

/** Actors per page. Documented in docs/limits.md. */
export const manageLimits = { defaultPage: 100, maxPage: 1_000 } as const;

/** Validates a filter and its limit. Throws `actor.invalid_filter`, `actor.invalid_key`. */
export function checkFilter(options: ListActorsOptions): void {
  const { prefix, status, createdAfter, limit, cursor } = options;
  if (prefix !== undefined) normalizeKey(prefix);
  if (status !== undefined && status !== "running" && status !== "sleeping") {
    throw invalid('`status` must be "running" or "sleeping"');
  }
  if (createdAfter !== undefined && !Number.isFinite(createdAfter)) {
    throw invalid("`createdAfter` must be a time in milliseconds");
  }
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1 || limit > manageLimits.maxPage)) {
    throw invalid(`\`limit\` must be a whole number from 1 to ${manageLimits.maxPage}`);
  }
  if (cursor !== undefined && !(typeof cursor === "string" && actorId.test(cursor))) {
    throw invalid("`cursor` is invalid. Pass the cursor of the previous page, or none");
  }
}

/** A cursor is the id of the last actor of a page. */
const actorId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function invalid(message: string): HoldfastError {
  return new HoldfastError("actor", "invalid_filter", message);
}

/** Text with which the encoded form of every key under `prefix` begins. */
export function prefixText(prefix: ActorKeyInput): string {
  return typeof prefix === "string" ? encodeURIComponent(prefix) : encodeKey(normalizeKey(prefix));
}

/** Query parameters of `GET /actors`. A prefix of components is sent as `keyPrefix`, encoded like a key. */
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
