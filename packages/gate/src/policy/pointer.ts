/** RFC 6901: "" for the whole value, "/name", "/list/0", with ~0 and ~1 for a tilde and a slash. */
export type JsonPointer = string;

/** Marks a missing value, which no JSON value can express. */
export const nothing: unique symbol = Symbol("nothing");

export function isPointer(text: string): boolean {
  return /^(?:\/(?:[^~/]|~[01])*)*$/.test(text);
}

/** The value at a pointer. Finds own members only: no prototype's, and no `length` of a list. */
export function valueAt(value: unknown, pointer: JsonPointer): unknown {
  let found = value;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return nothing;
    if (Array.isArray(found) && !/^(?:0|[1-9]\d{0,9})$/.test(name)) return nothing;
    found = Reflect.get(found, name);
  }
  return found === undefined ? nothing : found;
}

export function pointerTo(name: string): JsonPointer {
  return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
