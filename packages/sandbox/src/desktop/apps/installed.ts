import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { findProgram } from "../display/programs.ts";
import { parseEntry } from "./desktop-entry.ts";

/** An application that is installed with an entry for menus, and how to launch it. */
export interface InstalledApp {
  readonly name: string;
  readonly app: string;
  readonly args: readonly string[];
}

/** Entries that are read, and their size: programs in the sandbox can write some. */
const maxEntries = 1_000;
const maxEntryBytes = 65_536;

/**
 * The applications with windows that can be launched, by name. Source: XDG Base Directory Specification 0.8; of two
 * entries with one file name the first counts.
 */
export async function installedApps(env: Readonly<Record<string, string>>): Promise<InstalledApp[]> {
  const paths = new Map<string, string>();
  for (const directory of applicationDirectories(env)) {
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(".desktop"))) {
      if (!paths.has(name)) paths.set(name, join(directory, name));
    }
  }
  const read = [...paths.values()].slice(0, maxEntries).map((path) => readApp(path, env.PATH));
  const apps = (await Promise.all(read)).filter((app) => app !== undefined);
  return apps.sort((a, b) => a.name.localeCompare(b.name, "en"));
}

function applicationDirectories(env: Readonly<Record<string, string>>): readonly string[] {
  const home = env.XDG_DATA_HOME || (env.HOME === undefined ? undefined : join(env.HOME, ".local/share"));
  const shared = (env.XDG_DATA_DIRS || "/usr/local/share:/usr/share").split(":");
  return [...(home === undefined ? [] : [home]), ...shared]
    .filter((directory) => directory.startsWith("/"))
    .map((directory) => join(directory, "applications"));
}

async function readApp(path: string, searchPath: string | undefined): Promise<InstalledApp | undefined> {
  // Something else than a file may never end.
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size > maxEntryBytes) return undefined;
  const entry = parseEntry(await readFile(path, "utf8").catch(() => ""));
  const [program = "", ...args] = entry?.command ?? [];
  if (entry === undefined || program === "") return undefined;
  // The desktop has programs of its own for browsers, under the names that PATH has.
  const app = [basename(program), program].find((each) => findProgram(each, searchPath) !== undefined);
  return app === undefined ? undefined : { name: entry.name, app, args };
}
