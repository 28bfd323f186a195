/** The published client of rivetkit, pinned, from the npm registry, outside the workspace; kept between runs. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const directory = join(import.meta.dirname, "..", "..", "..", "..", ".cache", "rivet-client");
const published = "rivetkit@2.3.19";

/** What its client imports. Its other dependencies bring an engine and a runtime of 330 MB. */
const manifest = {
  private: true,
  type: "module",
  dependencies: {
    "@opentelemetry/api": "1.9.0",
    "@rivetkit/bare-ts": "0.6.2",
    "cbor-x": "1.6.0",
    invariant: "2.2.4",
    "p-retry": "6.2.1",
    pino: "9.14.0",
    vbare: "0.0.4",
    zod: "4.6.7",
  },
};

/** The folder of the package. No install script is run. */
export function installPublished(): string {
  const file = join(directory, "package.json");
  const wanted = JSON.stringify(manifest);
  const folder = join(directory, "node_modules", "rivetkit");
  const isInstalled = existsSync(join(folder, "package.json"));
  if (isInstalled && readFileSync(file, "utf8") === wanted) return folder;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, wanted);
  const options = { cwd: directory, encoding: "utf8", stdio: "pipe" } as const;
  const quiet = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-package-lock"];
  execFileSync("npm", ["install", ...quiet], options);
  const packed = execFileSync("npm", ["pack", published, "--silent"], options).trim();
  mkdirSync(folder, { recursive: true });
  execFileSync("tar", ["-xzf", packed, "--strip-components=1", "-C", folder], options);
  return folder;
}

/** A handle of an actor, or a connection to it, without the types of a registry. */
// biome-ignore lint/suspicious/noExplicitAny: the names of actions, and their types, are those of the actor.
export type PeerHandle = any;

export interface PeerAccessor {
  get(key?: readonly string[] | string, options?: object): PeerHandle;
  getOrCreate(key?: readonly string[] | string, options?: object): PeerHandle;
  getForId(id: string, options?: object): PeerHandle;
  create(key?: readonly string[] | string, options?: object): Promise<PeerHandle>;
}

/** A client of the registry beside this file. */
export interface PeerClient {
  readonly counter: PeerAccessor;
  readonly worker: PeerAccessor;
  readonly raw: PeerAccessor;
  dispose(): Promise<void>;
}

/** The module itself, as a program that imports `rivetkit/client` gets it. */
export async function loadPublished(): Promise<{ createClient(options: object): PeerClient }> {
  const entry = join(installPublished(), "dist", "tsup", "client", "mod.js");
  return (await import(pathToFileURL(entry).href)) as { createClient(options: object): PeerClient };
}
