/**
 * Loaded before a test (`--import`): gives one module with a piece of its text replaced, as the
 * environment says. What ships has no switch to turn a protection off; its text is changed on the way in.
 */
import { registerHooks, syncBuiltinESMExports } from "node:module";

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
      return url === change.url ? { ...loaded, format: "module-typescript", source: change.source } : loaded;
    },
  });
  // The process that owns a jail's sockets starts with an empty environment, so the mutant is passed to it too.
  const { default: childProcess } = await import("node:child_process");
  const told = { NODE_OPTIONS: process.env["NODE_OPTIONS"], HOLDFAST_MUTATION: path };
  childProcess.spawn = new Proxy(childProcess.spawn, {
    apply(spawn, self, [command, args, options]: [unknown, unknown, { env?: object } | undefined]) {
      const isEndpoint =
        Array.isArray(args) && args.some((each) => String(each).includes("endpoint-process"));
      const whole = isEndpoint ? { ...options, env: { ...options?.env, ...told } } : options;
      return Reflect.apply(spawn, self, [command, args, whole]) as unknown;
    },
  });
  syncBuiltinESMExports();
}
