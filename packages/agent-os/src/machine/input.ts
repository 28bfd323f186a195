import { invalid } from "../errors.ts";

/** Checks of what callers send. Each throws `agent_os.invalid_request`. */
export function readPath(value: unknown): string {
  if (typeof value === "string" && value !== "" && !value.includes("\0") && value.length <= 4_096)
    return value;
  throw invalid("A path must be a text of 1 to 4,096 characters");
}

export function readText(value: unknown, what: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`${what} must be a text that is not empty`);
}

export function readContent(value: unknown, what: string): string | Uint8Array {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  throw invalid(`${what} must be a text or bytes`);
}

export function readRecord(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw invalid(`${what} must be an object`);
}

export function readTexts(value: unknown, what: string): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  throw invalid(`${what} must be a list of texts`);
}

export function readVariables(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  const variables = readRecord(value, "env");
  for (const [name, text] of Object.entries(variables))
    if (typeof text !== "string") throw invalid(`The variable ${name} must be a text`);
  return variables as Record<string, string>;
}

/** A whole number from `min` to `max`. */
export function readNumber(value: unknown, what: string, min: number, max: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${what} must be a whole number from ${min} to ${max}`);
}

export function readPort(value: unknown): number {
  return readNumber(value, "The port", 1, 65_535);
}
