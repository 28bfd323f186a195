/** Encodable part of an error. Programs assign anything to these fields; decoders accept strings only. */
export function nameAndMessage({ name, message }: Error): readonly [name: string, message: string] {
  const [shownName, shownMessage]: readonly unknown[] = [name, message];
  return [
    shownName === undefined ? "Error" : String(shownName),
    shownMessage === undefined ? "" : String(shownMessage),
  ];
}

/** Rebuilds an error from {@link nameAndMessage}, without its class and stack. */
export function errorFrom(name: string, message: string): Error {
  const error = new Error(message);
  // Not enumerable, like the names of the built-in error classes.
  Object.defineProperty(error, "name", {
    value: name,
    enumerable: false,
    configurable: true,
    writable: true,
  });
  return error;
}
