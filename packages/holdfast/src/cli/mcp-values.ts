import { decodeJson } from "@holdfast/core";

/** A JSON value that an agent wrote as the value that it means: with tags for what JSON lacks. */
export function fromJsonValue(value: unknown): unknown {
  return decodeJson(JSON.stringify(value ?? null));
}
