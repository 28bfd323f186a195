import { decodeJson, encodeJson } from "@holdfast/core";
import type { AgentInputItem } from "@openai/agents-core";

/** As deep as values can be encoded. */
const maxDepth = 1_000;

/** An item as canonical JSON: members in order, without those that are undefined. Bytes stay bytes. */
export function itemText(item: AgentInputItem): string {
  return encodeJson(canonical(item));
}

export function itemOf(text: string): AgentInputItem {
  return decodeJson(text, maxDepth) as AgentInputItem;
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null || !isPlain(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, canonical(member)]));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
