import { HoldfastError } from "@holdfast/core";
import type { InboxQuery, InboxView } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";

const views = ["open", "snoozed", "done"] as const satisfies readonly InboxView[];
const defaultPage = 50;

/** The last entry of a page. */
export interface InboxCursor {
  readonly at: number;
  readonly id: string;
}

export interface InboxPaging {
  readonly view: InboxView;
  readonly limit: number;
  readonly after: InboxCursor;
}

/** Throws `inbox.invalid_input`. */
export function readQuery(given: unknown): InboxPaging {
  if (given !== undefined && (typeof given !== "object" || given === null))
    throw invalid("The query must be an object");
  const {
    view = "open",
    limit = defaultPage,
    cursor,
  } = (given ?? {}) as Readonly<Record<keyof InboxQuery, unknown>>;
  const known = views.find((each) => each === view);
  if (known === undefined) throw invalid(`\`view\` must be one of ${views.join(", ")}`);
  if (!Number.isSafeInteger(limit) || Number(limit) < 1 || Number(limit) > studioLimits.maxInboxPage)
    throw invalid(`\`limit\` must be a number from 1 to ${studioLimits.maxInboxPage}`);
  return { view: known, limit: Number(limit), after: readCursor(cursor) };
}

/** Throws `inbox.invalid_input`. */
export function readEntryIds(given: unknown): readonly string[] {
  const isId = (value: unknown) => typeof value === "string" && value.length > 0 && value.length <= 300;
  const max = studioLimits.maxInboxIdsPerCall;
  if (Array.isArray(given) && given.length > 0 && given.length <= max && given.every(isId)) return given;
  throw invalid(`\`ids\` must be a list of 1 to ${max} ids of entries`);
}

/** Throws `inbox.invalid_input`. */
export function readSnooze(until: unknown, now: number): number | null {
  if (until === null) return null;
  const isTime = Number.isSafeInteger(until) && Number(until) > now;
  if (isTime && Number(until) <= now + studioLimits.maxSnoozeMs) return Number(until);
  throw invalid("`until` must be a time in milliseconds since the epoch, within the next year, or null");
}

export function writeCursor({ at, id }: InboxCursor): string {
  return `${at}.${id}`;
}

function readCursor(cursor: unknown): InboxCursor {
  if (cursor === undefined) return { at: Number.MAX_SAFE_INTEGER, id: "" };
  const found = typeof cursor === "string" ? /^(\d{1,16})\.(.{1,300})$/s.exec(cursor) : null;
  if (found === null) throw invalid("`cursor` must be that of a page");
  return { at: Number(found[1]), id: found[2] ?? "" };
}

export function invalid(message: string): HoldfastError {
  return new HoldfastError("inbox", "invalid_input", message, { statusCode: 400 });
}
