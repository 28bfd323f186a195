import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

const extension = import.meta.filename.endsWith(".ts") ? ".ts" : ".js";
const api = new URL(`./api${extension}`, import.meta.url).href;
const testing = new URL(`./testing${extension}`, import.meta.url).href;

/** What a plugin may import by name without having it in its folder. */
function provided(specifier: string): string | undefined {
  if (specifier === "@holdfast/gate/plugin") return api;
  if (specifier === "@holdfast/gate/plugin-testing") return testing;
  if (/^@carapace\/testing(\/|$)/.test(specifier)) return testing;
  return /^@carapace\/(core|types)(\/|$)/.test(specifier) ? api : undefined;
}

/**
 * Lets handlers import what they import where they were written: the plugin API by either of its names,
 * and TypeScript files of their own under the ".js" that compiled code would have.
 */
export function registerPluginHooks(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const url = provided(specifier);
      if (url !== undefined) return { url, shortCircuit: true };
      if (specifier.startsWith(".") && specifier.endsWith(".js") && context.parentURL?.startsWith("file:")) {
        const source = new URL(`${specifier.slice(0, -3)}.ts`, context.parentURL);
        const compiled = new URL(specifier, context.parentURL);
        if (!existsSync(fileURLToPath(compiled)) && existsSync(fileURLToPath(source))) {
          return next(`${specifier.slice(0, -3)}.ts`, context);
        }
      }
      return next(specifier, context);
    },
  });
}
