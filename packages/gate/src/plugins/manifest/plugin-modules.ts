import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { PluginFolder } from "./plugin-folder.ts";

export interface PluginModule {
  readonly name: string;
  /** Real path of the package's folder on the host. */
  readonly directory: string;
}

function dependenciesOf(directory: string): string[] {
  const file = join(directory, "package.json");
  if (!existsSync(file)) return [];
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  return Object.keys(Object(Reflect.get(Object(parsed), "dependencies")));
}

/** Where Node would find the package for what lies in `directory`. */
function find(name: string, directory: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const candidate = join(at, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (dirname(at) === at) return undefined;
  }
}

/**
 * The installed packages that a plugin which comes with the product declares in its `package.json`, and
 * those that they need. A user's plugin brings its own in its folder. Throws `plugin.missing_dependency`.
 */
export function modulesOf({ name: plugin, directory, source }: PluginFolder): PluginModule[] {
  if (source !== "built-in") return [];
  const found = new Map<string, string>();
  const seen = new Set<string>();
  const waiting = dependenciesOf(directory).map((name) => ({ name, from: directory }));
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { name, from } = next;
    const at = find(name, from);
    // What a package carries inside its own folder comes along with it.
    const carried = at !== undefined && [...found.values()].some((each) => at.startsWith(`${each}/`));
    const clash = !carried && found.has(name) && found.get(name) !== at;
    if (at === undefined || clash) {
      const problem = clash ? "is wanted in two versions" : "is not installed";
      throw new HoldfastError("plugin", "missing_dependency", `The package ${name} of ${plugin} ${problem}`, {
        statusCode: 503,
      });
    }
    if (seen.has(at)) continue;
    seen.add(at);
    if (!carried) found.set(name, at);
    waiting.push(...dependenciesOf(at).map((each) => ({ name: each, from: at })));
  }
  return [...found].map(([name, at]) => ({ name, directory: at }));
}
