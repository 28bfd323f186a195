/** What nobody may reach for while time and chance are simulated. */
const ambient: readonly (readonly [owner: object, shown: string, name: string])[] = [
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
 * Replaces ambient time and randomness with functions that throw, and report what was called through
 * `found`; returns how to undo it.
 */
export function forbidAmbient(found: (error: Error) => void): () => void {
  const undo = ambient.map(([owner, shown, name]) => {
    const original = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value: () => {
        const error = new Error(`${shown}.${name} was called: a simulated run takes it from its ports`);
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
