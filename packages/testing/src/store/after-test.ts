import type { TestContext } from "node:test";

const cleanups = new WeakMap<TestContext, (() => unknown)[]>();

/** Runs `fn` after the test; the last one that was registered runs first. */
export function afterTest(t: TestContext, fn: () => unknown): void {
  const known = cleanups.get(t);
  if (known !== undefined) {
    known.unshift(fn);
    return;
  }
  const fns = [fn];
  cleanups.set(t, fns);
  t.after(async () => {
    for (const cleanup of fns) await cleanup();
  });
}
