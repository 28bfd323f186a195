import { HoldfastError, isErrorCode } from "../errors.ts";

/** True during a search, whose failed encodings must not start another one. */
let isSearching = false;

/**
 * Adds the path of the refused part, such as `[0].user.onClick`, to the message and metadata of
 * `message.unsupported_value`. Runs only after encoding has failed, so that valid values pay nothing.
 */
export function withPath(error: unknown, value: unknown, encode: (part: unknown) => unknown): unknown {
  if (isSearching || !isErrorCode(error, "message", "unsupported_value")) return error;
  const path = findPath(value, encode);
  if (path === undefined || path === "") return error;
  const { message } = error as HoldfastError;
  return new HoldfastError("message", "unsupported_value", `${message}, at ${path}`, {
    metadata: { path },
    cause: error,
  });
}

/** Finds the first part that cannot be encoded although all its own parts can. */
function findPath(root: unknown, encode: (part: unknown) => unknown): string | undefined {
  const cannotEncode = (part: unknown): boolean => {
    try {
      encode(part);
      return false;
    } catch (error) {
      return isErrorCode(error, "message", "unsupported_value");
    }
  };
  const search = (value: unknown, path: string): string | undefined => {
    for (const [step, part] of enumerateParts(value))
      if (cannotEncode(part)) return search(part, path + step);
    return path;
  };
  isSearching = true;
  try {
    return search(root, "");
  } catch {
    // Reading runs user code, which may throw the second time.
    return undefined;
  } finally {
    isSearching = false;
  }
}

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function* enumerateParts(value: unknown): Generator<readonly [step: string, part: unknown]> {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value) || value instanceof Set) {
    let index = 0;
    for (const item of value) yield [`[${index++}]`, item];
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      yield [".keys()", key];
      yield [typeof key === "string" ? `.get(${JSON.stringify(key)})` : ".values()", item];
    }
  } else {
    for (const [key, item] of Object.entries(value))
      yield [identifier.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`, item];
  }
}
