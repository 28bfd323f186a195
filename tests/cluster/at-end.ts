import type { TestContext } from "node:test";

const cleanups = new WeakMap<TestContext, (() => unknown)[]>();

/** As `t.after`, the last first: nodes stop before what they need, such as their database. */
export function atEnd(t: TestContext, cleanup: () => unknown): void {
  const known = cleanups.get(t);
  if (known !== undefined) return void known.push(cleanup);
  const all = [cleanup];
  cleanups.set(t, all);
  t.after(async () => {
    for (const each of all.reverse()) await each();
  });
}
