import { resolve } from "node:path";
import { PluginCredentials } from "../credentials/credentials.ts";
import { reservedPluginNames } from "../manifest/names.ts";
import {
  findPlugins,
  type PluginDirectories,
  type PluginFolder,
  pluginAt,
  readPluginFolder,
} from "../manifest/plugin-folder.ts";
import type { ToolDeclaration } from "../runtime/api.ts";
import { handlerFiles, noHandler } from "../runtime/handler-files.ts";

/** Result of checking a plugin folder. */
export interface PluginReport {
  readonly name: string;
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly source?: "built-in" | "user";
  readonly version?: string;
  /** The value for the manifest's `digest`. */
  readonly digest?: string;
  readonly tools: readonly { readonly name: string; readonly risk: "low" | "high" }[];
  /** Hosts that its egress reaches. */
  readonly egress: readonly string[];
  readonly credentials: readonly { readonly key: string; readonly required: boolean }[];
}

function reportOf(folder: PluginFolder, warnings: readonly string[]): PluginReport {
  const { name, source, manifest, digest } = folder;
  return {
    name,
    ok: true,
    problems: [],
    warnings,
    source,
    version: manifest.version,
    digest,
    tools: manifest.provides.tools.map((each) => ({ name: each.name, risk: each.risk_level })),
    egress: (manifest.egress ?? []).map((each) => each.url),
    credentials: (manifest.install?.credentials ?? []).map(({ key, required }) => ({ key, required })),
  };
}

function problemsOf(error: unknown): string[] {
  const metadata: unknown = Reflect.get(Object(error), "metadata");
  const problems: unknown = Reflect.get(Object(metadata), "problems");
  if (Array.isArray(problems)) return problems.map(String);
  return [error instanceof Error ? error.message : String(error)];
}

/** Problems outside the manifest that make the plugin unusable. */
function lacksOf({ name, directory, manifest, skills }: PluginFolder): string[] {
  return [
    ...(handlerFiles(directory).length > 0 ? [] : [noHandler(directory)]),
    ...(skills.length === 0 ? ["skills/ has no .md file, so agents do not learn about the tools"] : []),
    ...(name !== "memory" && reservedPluginNames.has(name) ? [`the name "${name}" is reserved`] : []),
    ...manifest.provides.tools.flatMap(undeclared),
  ];
}

/** Every call would fail: without the argument because it is required, with it because it is undeclared. */
function undeclared({ name, arguments_schema: { properties, required = [] } }: ToolDeclaration): string[] {
  return required
    .filter((argument) => !Object.hasOwn(properties, argument))
    .map((argument) => `"${name}" requires ${JSON.stringify(argument)}, which is not among its properties`);
}

function warningsOf({ manifest }: PluginFolder): string[] {
  const warnings: string[] = [];
  const high = manifest.provides.tools.filter((each) => each.risk_level === "high").map((each) => each.name);
  if (high.length > 0) warnings.push(`a person is asked before each call of ${high.join(", ")}`);
  if (!/^\d+\.\d+\.\d+/.test(manifest.version)) warnings.push("the version is not a semantic version");
  return warnings;
}

/** Checks a plugin folder without running its code. Throws only if the folder does not exist. */
export async function validatePlugin(directory: string): Promise<PluginReport> {
  const path = resolve(directory);
  try {
    const folder = await readPluginFolder(await pluginAt(path));
    const problems = lacksOf(folder);
    return { ...reportOf(folder, warningsOf(folder)), ok: problems.length === 0, problems };
  } catch (error) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return {
      name,
      ok: false,
      problems: problemsOf(error),
      warnings: [],
      tools: [],
      egress: [],
      credentials: [],
    };
  }
}

/** Folders of plugins and of their credentials. */
export interface ListOptions extends PluginDirectories {
  readonly credentials: string;
}

/** Every plugin of a data directory with its missing credentials; runs no plugin code. */
export async function listPlugins({ credentials, ...directories }: ListOptions): Promise<PluginReport[]> {
  const { found, refused } = await findPlugins(directories);
  const store = new PluginCredentials(credentials, () => {});
  const nothing = { warnings: [], tools: [], egress: [], credentials: [] };
  const reports = await Promise.all(
    found.map(async (each): Promise<PluginReport> => {
      try {
        const folder = await readPluginFolder(each);
        const checks = await store.check(each.name, folder.manifest.install?.credentials ?? []);
        const missing = checks.flatMap(({ key, required, present, problem, path }) => {
          if (problem !== undefined) return [`the credential ${key}: ${problem}`];
          return present || !required ? [] : [`the credential ${key} is missing: put it in ${path}`];
        });
        return reportOf(folder, missing);
      } catch (error) {
        return { name: each.name, source: each.source, ok: false, problems: problemsOf(error), ...nothing };
      }
    }),
  );
  const others = refused.map(({ name, source, problem }) => ({
    name,
    source,
    ok: false,
    problems: [problem],
    ...nothing,
  }));
  return [...reports, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
}
