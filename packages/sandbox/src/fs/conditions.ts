import type { IncomingHttpHeaders } from "node:http";
import { problem } from "../http/problem.ts";

/**
 * Throws `precondition_failed` (412) unless If-Match and If-None-Match allow a change of the file. `etag` is its
 * validator, undefined if the file does not exist. Source: RFC 9110, section 13.
 */
export function checkChange(headers: IncomingHttpHeaders, etag: string | undefined): void {
  checkMatch(headers, etag);
  const none = headers["if-none-match"];
  if (none !== undefined && matches(none, etag, true)) {
    throw problem("precondition_failed", 412, "the file is what If-None-Match excludes", etagExtension(etag));
  }
}

/** Throws `precondition_failed` (412) unless `etag` satisfies If-Match. */
export function checkMatch(headers: IncomingHttpHeaders, etag: string | undefined): void {
  const match = headers["if-match"];
  if (match !== undefined && !matches(match, etag, false)) {
    throw problem("precondition_failed", 412, "the file is not what If-Match names", etagExtension(etag));
  }
}

/** Whether a read is answered with 304. */
export function isUnchanged(headers: IncomingHttpHeaders, etag: string): boolean {
  const none = headers["if-none-match"];
  return none !== undefined && matches(none, etag, true);
}

/** Whether the file must not exist yet (`If-None-Match: *`). */
export function wantsNew(headers: IncomingHttpHeaders): boolean {
  return headers["if-none-match"]?.trim() === "*";
}

function etagExtension(etag: string | undefined): { readonly etag: string | null } {
  return { etag: etag ?? null };
}

/** Weak validators match by their text if `weak` is set, and never otherwise. */
function matches(header: string, etag: string | undefined, weak: boolean): boolean {
  if (etag === undefined) return false;
  if (header.trim() === "*") return true;
  for (const [, mark, tag] of header.matchAll(/(W\/)?("[^"]*")/g)) {
    if (tag === etag && (weak || mark === undefined)) return true;
  }
  return false;
}

/** The bytes from `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The requested byte range. Undefined for the complete file: the header is absent, malformed or has several ranges, or
 * If-Range names another version. Throws `range_not_satisfiable` (416, with `size`) for a range beyond the end.
 * Source: RFC 9110, section 14.
 */
export function requestedRange(
  headers: IncomingHttpHeaders,
  size: number,
  etag: string,
): ByteRange | undefined {
  const [first, last, more] = parseBounds(headers.range ?? "");
  if (first === undefined || last === undefined || more !== undefined || first + last === "")
    return undefined;
  const only = headers["if-range"];
  if (only !== undefined && String(only).trim() !== etag) return undefined;
  const range =
    first === ""
      ? { start: Math.max(0, size - Number(last)), end: size - 1 }
      : { start: Number(first), end: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
  // "bytes=5-2" is malformed and therefore ignored.
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  if (range.start >= size || (first === "" && Number(last) === 0)) {
    throw problem("range_not_satisfiable", 416, `the file has ${size} bytes`, { size });
  }
  return range;
}

/** The bounds of a byte range, each either digits or empty. Without bounds the header is not a byte range. */
function parseBounds(range: string): readonly string[] {
  const unit = /^bytes=/i.exec(range)?.[0];
  if (unit === undefined) return [];
  const bounds = range
    .slice(unit.length)
    .split("-")
    .map((bound) => bound.trim());
  return bounds.every((bound) => /^\d*$/.test(bound)) ? bounds : [];
}
