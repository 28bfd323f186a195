/** Functions that simulated code must not call: real time and randomness. */
const ambientFunctions: readonly (readonly [owner: object, shown: string, name: string])[] = [
  [Date, "Date", "now"],
  [Math, "Math", "random"],
  [globalThis, "globalThis", "setTimeout"],
  [globalThis, "globalThis", "setInterval"],
  [globalThis, "globalThis", "setImmediate"],
  [globalThis.crypto, "crypto", "getRandomValues"],
  [globalThis.crypto, "crypto", "randomUUID"],
  [performance, "performance", "now"],
];

/**
 * Replaces real time and randomness with functions that throw and report their caller to `found`. Returns a function
 * that restores them.
 */
export function forbidAmbient(found: (error: Error) => void): () => void {
  const undo = ambientFunctions.map(([owner, shown, name]) => {
    const original = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value: () => {
        const error = new Error(
          `${shown}.${name} was called. Code in a simulated run must use its ports instead`,
        );
        found(error);
        throw error;
      },
    });
    return (): void => {
      if (original === undefined) Reflect.deleteProperty(owner, name);
      else Object.defineProperty(owner, name, original);
    };
  });
  return () => {
    for (const restore of undo) restore();
  };
}
