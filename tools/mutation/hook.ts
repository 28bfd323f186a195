/**
 * Loaded before a test (`--import`): gives one module with a piece of its text replaced, as the
 * environment says. What ships has no switch to turn a protection off; its text is changed on the way in.
 */
import { registerHooks } from "node:module";

interface Change {
  /** The module's file URL. */
  readonly url: string;
  /** Its whole changed text. */
  readonly source: string;
}

const path = process.env["HOLDFAST_MUTATION"];
if (path !== undefined) {
  const { readFileSync } = await import("node:fs");
  const change = JSON.parse(readFileSync(path, "utf8")) as Change;
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      return url === change.url ? { ...loaded, source: change.source } : loaded;
    },
  });
}
