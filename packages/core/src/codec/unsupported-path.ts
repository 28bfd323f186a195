import { HoldfastError, isErrorCode } from "../errors.ts";

/** True while a path is searched: what fails then is a part of the search. */
let searching = false;

/**
 * Adds to `message.unsupported_value` where in `value` the refused part lies, such as `[0].user.onClick`: in its
 * message, and as `metadata.path`. Called once encoding has failed, so that a value that can be encoded pays nothing.
 */
export function withPath(error: unknown, value: unknown, encode: (part: unknown) => unknown): unknown {
  if (searching || !isErrorCode(error, "message", "unsupported_value")) return error;
  const path = pathOf(value, encode);
  if (path === undefined || path === "") return error;
  const { message } = error as HoldfastError;
  return new HoldfastError("message", "unsupported_value", `${message}, at ${path}`, {
    metadata: { path },
    cause: error,
  });
}

/** The first part without parts of its own that cannot be encoded. */
function pathOf(root: unknown, encode: (part: unknown) => unknown): string | undefined {
  const refuses = (part: unknown): boolean => {
    try {
      encode(part);
      return false;
    } catch (error) {
      return isErrorCode(error, "message", "unsupported_value");
    }
  };
  const search = (value: unknown, path: string): string | undefined => {
    for (const [step, part] of partsOf(value)) if (refuses(part)) return search(part, path + step);
    return path;
  };
  searching = true;
  try {
    return search(root, "");
  } catch {
    // Reading runs code of the user, which may throw the second time.
    return undefined;
  } finally {
    searching = false;
  }
}

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

function* partsOf(value: unknown): Generator<readonly [step: string, part: unknown]> {
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
