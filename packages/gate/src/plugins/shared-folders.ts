import { existsSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import type { PluginGrant } from "./plugin-grant.ts";
import type { SharedFolder } from "./runtime/api.ts";

type Folders = Readonly<Record<string, SharedFolder>>;

/**
 * The folders granted to `plugin`, each with whether others can write there too: another plugin, or, `onNodes`, the same one
 * at another node of a cluster, since machines may mount the same folder.
 */
export function foldersOf(
  plugin: string,
  grants: Readonly<Record<string, PluginGrant>>,
  onNodes = false,
): Folders {
  const written = Object.entries(grants)
    .filter(([name]) => onNodes || name !== plugin)
    .flatMap(([, { folders = {} }]) => Object.values(folders))
    .filter(({ mode }) => mode === "rw")
    .map(({ path }) => place(path));
  return Object.fromEntries(
    Object.entries(grants[plugin]?.folders ?? {}).map(([name, { path, mode }]) => {
      const own = place(path);
      const byOthers = written.some((other) => own.startsWith(other) || other.startsWith(own));
      return [name, { path, mode, ...(byOthers ? { writtenByOthers: true } : {}) }];
    }),
  );
}

/** With a trailing slash, so that a prefix match means "below it". */
function place(path: string): string {
  const real = existsSync(path) ? realpathSync(path) : resolve(path);
  return real.endsWith("/") ? real : `${real}/`;
}
