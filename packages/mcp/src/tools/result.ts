import { HoldfastError } from "@holdfast/core";
import { mcpLimits } from "../limits.ts";

/** A value as JSON for a model: what JSON lacks becomes what reads best. Throws `mcp.result_too_large`. */
export function resultJson(value: unknown): string {
  const text = JSON.stringify(value, readable) ?? "null";
  checkSize(Buffer.byteLength(text));
  return text;
}

/** Throws `mcp.result_too_large`. */
export function checkSize(bytes: number): void {
  if (bytes <= mcpLimits.maxResultBytes) return;
  const message = `The result is larger than ${mcpLimits.maxResultBytes} bytes`;
  throw new HoldfastError("mcp", "result_too_large", message, { statusCode: 413 });
}

function readable(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return value.message;
  if (value instanceof RegExp) return String(value);
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  return value;
}
