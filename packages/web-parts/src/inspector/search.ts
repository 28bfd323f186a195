import type { ActorFilter } from "./api/types.ts";
import { isTabId, type TabId } from "./tab-id.ts";

/** Parses the filter of the list from the URL; ignores what is invalid. */
export function readFilter(search: Readonly<Record<string, unknown>>): ActorFilter {
  const { name, prefix, status } = search;
  return {
    ...(isText(name) ? { name: String(name) } : {}),
    ...(isText(prefix) ? { prefix: String(prefix) } : {}),
    ...(status === "running" || status === "sleeping" ? { status } : {}),
  };
}

export function readTab(search: Readonly<Record<string, unknown>>): { readonly tab?: TabId } {
  return isTabId(search["tab"]) ? { tab: search["tab"] } : {};
}

/** The router parses `?prefix=1` as a number. */
function isText(value: unknown): boolean {
  return (
    (typeof value === "string" && value !== "") || typeof value === "number" || typeof value === "boolean"
  );
}
