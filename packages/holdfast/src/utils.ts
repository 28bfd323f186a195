import { decodeJson, encodeJson } from "@holdfast/core";

/** JSON text of any value that the structured codec carries. */
export const jsonStringifyCompat = encodeJson;
/** The inverse of {@link jsonStringifyCompat}. */
export const jsonParseCompat = decodeJson;

/** For the end of an exhaustive `switch`: a new member fails to compile. */
export function assertUnreachable(value: never): never {
  throw new TypeError(`Unreachable: ${String(value)}`);
}

/** The text of anything that was thrown. */
export function stringifyError(error: unknown): string {
  if (error instanceof Error) return error.stack ?? `${error.name}: ${error.message}`;
  return typeof error === "string" ? error : String(error);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function promiseWithResolvers<T>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>();
}

export function toUint8Array(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export function bufferToArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

export function arrayBuffersEqual(a: ArrayBuffer, b: ArrayBuffer): boolean {
  const left = new Uint8Array(a);
  const right = new Uint8Array(b);
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** A signal that aborts with the first of those given; undefined where there is none. */
export function joinSignals(...signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length <= 1 ? given[0] : AbortSignal.any(given);
}

/** Puts a path behind the path of an endpoint. */
export function combineUrlPath(
  endpoint: string,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const url = new URL(endpoint);
  const [pathname = "", search = ""] = path.split("?");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${pathname.replace(/^\/+/, "")}`;
  const parameters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.append(name, value);
  }
  url.search = parameters.toString();
  return url.toString();
}

/** An environment variable, in every runtime that has them. */
export function getEnvUniversal(name: string): string | undefined {
  const runtime = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  return runtime.process?.env?.[name];
}
