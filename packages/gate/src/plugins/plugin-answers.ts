import { HoldfastError } from "@holdfast/core";
import { pipelineCodes } from "../broker/errors.ts";
import type { ToolError } from "../broker/tool.ts";
import { type LoadFailure, PluginLoadError } from "./plugin-load-error.ts";
import type { ErrorPayload } from "./runtime/api.ts";

export interface LoadFailed {
  readonly category: LoadFailure;
  readonly message: string;
}

/** Normalizes a plugin's own error. It is cut after redaction, not before. */
export function toolErrorOf({
  code,
  message,
  retriable,
  field,
  retry_after: after,
}: ErrorPayload): ToolError {
  return {
    code: ownCode(code),
    message: String(message),
    retriable: retriable === true,
    ...(typeof field === "string" ? { field } : {}),
    ...(typeof after === "number" ? { retry_after: Math.ceil(after) } : {}),
  };
}

/** Replaces a code that only the broker's earlier stages may return with HANDLER_ERROR. */
function ownCode(code: unknown): string {
  if (typeof code !== "string" || !/^[A-Z][A-Z0-9_]{0,63}$/i.test(code)) return "HANDLER_ERROR";
  return pipelineCodes.has(code) ? "HANDLER_ERROR" : code;
}

/** `value` with every string in it redacted, keys included. */
export function redacted(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((each) => redacted(each, redact));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [redact(key), redacted(each, redact)]),
  );
}

/** Category of an error that kept a plugin from loading, with a message for the operator. */
export function failureOf(error: unknown, redact: (text: string) => string): LoadFailed {
  const category = error instanceof PluginLoadError ? error.category : loadCategory(error);
  const message = redact(error instanceof Error ? error.message : String(error));
  return { category, message: message.length > maxFailureCharacters ? shortened(message) : message };
}

const maxFailureCharacters = 4_000;
const firstCharacters = 400;

/** Keeps the beginning, which names the failure, and the end of the output, which explains it. */
function shortened(message: string): string {
  const last = message.slice(firstCharacters - maxFailureCharacters);
  return `${message.slice(0, firstCharacters).toWellFormed()} … ${last.toWellFormed()}`;
}

function loadCategory(error: unknown): LoadFailure {
  return error instanceof HoldfastError && error.code.startsWith("invalid_")
    ? "invalid_manifest"
    : "init_error";
}
