import { type ActorKey, decodeJson, encodeJson, isHoldfastError } from "@holdfast/core";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { maxValueDepth } from "../../request.ts";

/** A value as editable JSON, with tags for values that JSON lacks. */
export function formatValue(value: unknown): string {
  return JSON.stringify(JSON.parse(encodeJson(value)), null, 2);
}

/** A value on one line, truncated to `length` characters. */
export function formatValueLine(value: unknown, length = 160): string {
  const text = visibleText(encodeJson(value));
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

export type ParsedValue =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

/** Parses typed text. Blank text is `empty`. */
export function parseValue(text: string, empty?: unknown): ParsedValue {
  if (text.trim() === "" && empty !== undefined) return { ok: true, value: empty };
  try {
    JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `This is not JSON: ${why}` };
  }
  try {
    return { ok: true, value: decodeJson(text, maxValueDepth) };
  } catch (error) {
    return { ok: false, problem: isHoldfastError(error) ? error.message : String(error) };
  }
}

/** Parses the arguments of an action: a list of values. */
export function parseArguments(text: string): ParsedValue & { readonly value?: unknown } {
  const parsed = parseValue(text, []);
  if (parsed.ok && !Array.isArray(parsed.value)) {
    return { ok: false, problem: "Arguments are a list: put them between [ and ]." };
  }
  return parsed;
}

/** A key for display: its components with hidden characters made visible. */
export function formatKey(key: ActorKey): string {
  if (key.length === 0) return "no key";
  return key.map((part) => (part === "" ? '""' : visibleText(part))).join(" / ");
}

/** base64url of the UTF-8 of a text. */
export function base64url(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
