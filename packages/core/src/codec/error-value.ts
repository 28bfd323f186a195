/** What is carried of an error, as text: programs assign anything, and what reads it takes texts only. */
export function nameAndMessage({ name, message }: Error): readonly [name: string, message: string] {
  const [shownName, shownMessage]: readonly unknown[] = [name, message];
  return [
    shownName === undefined ? "Error" : String(shownName),
    shownMessage === undefined ? "" : String(shownMessage),
  ];
}

/** The error that {@link nameAndMessage} was asked of, without its class and its stack. */
export function errorFrom(name: string, message: string): Error {
  const error = new Error(message);
  // As the names of the built-in classes are, which lie on their prototypes: not listed.
  Object.defineProperty(error, "name", {
    value: name,
    enumerable: false,
    configurable: true,
    writable: true,
  });
  return error;
}
