/**
 * Loaded before a test file: keeps the test runner of Node from following every promise back to the test that made it,
 * which makes a promise twenty times as slow. It does that only to name the test of an error that nobody caught; such an
 * error fails the file instead, with its message. What a file calls before its first `await` is attributed as ever.
 */
import { type AsyncHook, createHook } from "node:async_hooks";

const hooks: AsyncHook = Object.getPrototypeOf(createHook({}));
const { enable } = hooks;
hooks.enable = function (this: AsyncHook): AsyncHook {
  if (new Error().stack?.includes("node:internal/test_runner/")) {
    hooks.enable = enable;
    const own = Object.getOwnPropertySymbols(this).find(
      ({ description }) => description === "kNoPromiseHook",
    );
    // With a Node that has no such choice, tests are slower and pass as well.
    if (own !== undefined) Reflect.set(this, own, true);
  }
  return enable.call(this);
};
