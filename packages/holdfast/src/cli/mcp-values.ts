import { decodeJson } from "@holdfast/core";

/** Decodes a JSON value that an agent wrote, with tags for values that JSON lacks. */
export function fromJsonValue(value: unknown): unknown {
  return decodeJson(JSON.stringify(value ?? null));
}
