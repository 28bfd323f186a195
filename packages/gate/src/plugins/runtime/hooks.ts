import { statSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { ownSource } from "./own-sources.ts";

const extension = import.meta.filename.endsWith(".ts") ? ".ts" : ".js";
const api = new URL(`./imported-api${extension}`, import.meta.url).href;
const testing = new URL(`./testing${extension}`, import.meta.url).href;

/** Modules that a plugin can import by name although they are not in its folder. */
function provided(specifier: string): string | undefined {
  if (specifier === "@holdfast/gate/plugin") return api;
  if (specifier === "@holdfast/gate/plugin-testing") return testing;
  if (/^@carapace\/testing(\/|$)/.test(specifier)) return testing;
  return /^@carapace\/(core|types)(\/|$)/.test(specifier) ? api : undefined;
}

/** The same modules, as plugins from the peer's source tree import them. */
const inTree =
  /^(?:\.\.\/)+(?:src\/)?(?:core\/(?:plugin-handler|tool-error|index)|types\/(?:errors|manifest|protocol|index))(?:\.[jt]s)?$/;

/** Resolves an import of a missing file like a bundler or compiler does. */
function source(specifier: string, parent: string | undefined): string | undefined {
  if (!/^\.\.?\//.test(specifier) || parent?.startsWith("file:") !== true) return undefined;
  const isFile = (name: string) =>
    statSync(fileURLToPath(new URL(name, parent)), { throwIfNoEntry: false })?.isFile() === true;
  if (isFile(specifier)) return undefined;
  const bare = specifier.replace(/\.js$/, "");
  const written = specifier.replace(/\.([cm])js$/, ".$1ts");
  const found = [written, `${bare}.ts`, `${bare}.js`, `${bare}/index.ts`, `${bare}/index.js`].find(isFile);
  return found ?? (inTree.test(specifier) ? api : undefined);
}

/**
 * Makes imports of handlers work without a compiler: the plugin API by either name, TypeScript files by ".js" or
 * without an extension, and types without the word `type`.
 */
export function registerPluginHooks(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const url = provided(specifier);
      if (url !== undefined) return { url, shortCircuit: true };
      return next(source(specifier, context.parentURL) ?? specifier, context);
    },
    load: (url, context, next) => ownSource(url, next(url, context)),
  });
}
