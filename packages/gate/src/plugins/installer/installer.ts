/** Installation, update and removal of the user's plugins. */
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { copyFile, lstat, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, isHoldfastError, type Logger } from "@holdfast/core";
import type { ToolCall, ToolOutcome } from "../../broker/tool.ts";
import { isUnfinished, writePrivateFile } from "../../vault/private-file.ts";
import type { PluginCredentials } from "../credentials/credentials.ts";
import { checkConfig, parseJsonFile, parseManifest } from "../manifest/manifest.ts";
import {
  below,
  isPluginName,
  isThere,
  type PluginName,
  pluginName,
  reservedPluginNames,
} from "../manifest/names.ts";
import { type PluginFolder, readPluginFolder } from "../manifest/plugin-folder.ts";
import type { PluginStatus } from "../plugins.ts";
import { subscribes } from "../publisher.ts";
import type { PluginManifest, PluginVerifyResult } from "../runtime/api.ts";
import { checkUrl, fetchPlugin } from "./fetch-plugin.ts";
import { Origins } from "./origins.ts";

/** What the installer needs from the plugin host. */
export interface InstallerPorts {
  readonly userDirectory: string;
  /** Staging folder, on the same file system as the plugins. */
  readonly stagingDirectory: string;
  /** Folder with the origin of each plugin. */
  readonly recordsDirectory: string;
  readonly sources: readonly string[];
  readonly credentials: PluginCredentials;
  readonly dataOf: (name: PluginName) => string;
  /** The operator's configuration in place of a plugin's `config.json`. */
  readonly settings: (name: PluginName) => Readonly<Record<string, unknown>> | undefined;
  /** Whether the operator grants servers, folders, repositories or hosts to a plugin of this name. */
  readonly isGranted: (name: PluginName) => boolean;
  readonly log: Logger;
  readonly list: () => readonly PluginStatus[];
  readonly manifest: (name: string) => PluginManifest | undefined;
  readonly reload: (name: string) => Promise<unknown>;
  readonly verify: (name: string) => Promise<PluginVerifyResult>;
}

/**
 * Prefix of a replaced version in staging, which is restored if its update is interrupted. No plugin name begins with
 * it.
 */
const present = ".present-";

function refused(code: string, message: string, statusCode = 400): HoldfastError {
  return new HoldfastError("plugin", code, message, { statusCode });
}

/**
 * Installs, updates, configures and removes plugins of the user. Fetched code is checked in a staging folder and then
 * moved into place in one step; if it does not load, the move is undone.
 */
export class Installer {
  readonly #ports: InstallerPorts;
  readonly #origins: Origins;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ports: InstallerPorts) {
    this.#ports = ports;
    const { recordsDirectory, credentials, dataOf, settings, isGranted } = ports;
    this.#origins = new Origins({
      directory: recordsDirectory,
      credentialsOf: (name) => credentials.folder(name),
      dataOf,
      isGiven: (name) => isGranted(name) || settings(name) !== undefined,
    });
  }

  /**
   * Cleans up after a gate that was killed. An unfinished update is undone: it was not reported, and whether the new
   * version loads is unknown.
   */
  async recover(): Promise<void> {
    const { stagingDirectory, userDirectory, log } = this.#ports;
    const left = isThere(stagingDirectory) ? await readdir(stagingDirectory, { withFileTypes: true }) : [];
    for (const each of left) {
      const staging = join(stagingDirectory, each.name);
      for (const entry of each.isDirectory() ? await readdir(staging) : []) {
        const name = entry.startsWith(present) ? entry.slice(present.length) : undefined;
        if (!isPluginName(name)) continue;
        const target = below(userDirectory, name);
        if (isThere(target)) await rename(target, join(staging, "unproven"));
        await rename(join(staging, entry), target);
        log.warn("an interrupted update of a plugin was undone", { plugin: name });
      }
      await rm(staging, { recursive: true, force: true });
    }
    await this.#clearConfigurations();
  }

  /** Removes configuration files that a killed gate left unfinished: they would change their plugin's digest. */
  async #clearConfigurations(): Promise<void> {
    const { userDirectory } = this.#ports;
    const names = isThere(userDirectory) ? await readdir(userDirectory) : [];
    for (const name of names.filter(isPluginName)) {
      const folder = below(userDirectory, name);
      // The link can be dangling.
      if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
      const unfinished = (await readdir(folder)).filter((file) => isUnfinished(file, "config.json"));
      for (const file of unfinished) await rm(join(folder, file), { force: true });
    }
  }

  /** Runs one command at a time. Refusals are returned; any other error is thrown, and the caller hides it. */
  async invoke({ tool, arguments: args }: ToolCall): Promise<ToolOutcome> {
    const result = this.#turn.then(() => this.#verb(tool.name, args));
    this.#turn = result.catch(() => {});
    try {
      return { ok: true, result: await result };
    } catch (error) {
      if (!isHoldfastError(error) || error.group !== "plugin") throw error;
      this.#ports.log.warn("the installer refused a command", {
        tool: tool.name,
        code: error.code,
        cause: String(error.cause),
      });
      return { ok: false, error: { code: "HANDLER_ERROR", message: error.message, retriable: false } };
    }
  }

  #verb(tool: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    switch (tool) {
      case "plugin_install":
        return this.install(args["url"], args["name"]);
      case "plugin_verify":
        return this.#verify(pluginName(args["name"]));
      case "plugin_list":
        return this.#list(args["include_builtin"] === true);
      case "plugin_remove":
        return this.#remove(pluginName(args["name"]), args["remove_credentials"] === true);
      case "plugin_update":
        return this.#update(pluginName(args["name"]), args["accept"]);
      case "plugin_configure":
        return this.#configure(pluginName(args["name"]), String(args["key"]), String(args["value"]));
      default:
        throw refused("not_found", `The installer has no tool ${tool}`, 404);
    }
  }

  async install(givenUrl: unknown, givenName: unknown): Promise<Record<string, unknown>> {
    const url = checkUrl(givenUrl, this.#ports.sources);
    const name = pluginName(givenName ?? /([^/:]+?)(\.git)?\/?$/.exec(url)?.[1]);
    if (reservedPluginNames.has(name)) throw refused("invalid_name", `The name "${name}" is reserved`);
    const target = below(this.#ports.userDirectory, name);
    if (isThere(target))
      throw refused("already_there", `The plugin ${name} is already installed. Update it instead`, 409);
    // Grants to a built-in plugin (credentials, servers, folders) must not go to another plugin of the same name.
    if (this.#status(name)?.source === "built-in")
      throw refused("already_there", `Holdfast has a built-in plugin ${name}. Choose another name`, 409);
    const left = await this.#origins.leftByAnother(name, url);
    if (left.length > 0)
      throw refused(
        "left_by_another",
        `An earlier plugin ${name} from another origin left ${left.join(", ")}. Choose another name, or let a person remove it`,
        409,
      );
    return this.#inStaging(async (staging) => {
      const { folder, commit } = await this.#fetch(url, name, staging);
      await mkdir(this.#ports.userDirectory, { recursive: true, mode: 0o700 });
      const takeBack = this.#origins.before(name);
      await this.#origins.installed(name, url, commit);
      await rename(folder.directory, target);
      await this.#ports.reload(name);
      const failure = this.#status(name)?.failure;
      // Credentials and settings are added to an installed plugin, so their absence does not undo the installation.
      const lacks = failure?.category === "init_error" ? await this.#lacks(folder) : [];
      if (failure !== undefined && lacks.length === 0) {
        await rename(target, join(staging, "refused"));
        await this.#ports.reload(name).catch(() => {});
        await takeBack();
        throw refused("load_failed", `The plugin does not load (${failure.category}); it was not installed`);
      }
      await this.#origins.taken(name);
      return { ...this.#described(folder, commit), ...waitsFor(lacks) };
    });
  }

  /** Throws `plugin.fetch_failed`, `plugin.unsafe_repository`, `plugin.invalid_manifest`. */
  async #fetch(
    url: string,
    name: PluginName,
    staging: string,
  ): Promise<{ folder: PluginFolder; commit: string }> {
    const directory = join(staging, name);
    const commit = await fetchPlugin(url, directory, this.#ports.sources);
    // A repository must not bring its own configuration.
    await rm(join(directory, "config.json"), { recursive: true, force: true });
    const config = await this.#configOf(name);
    return { folder: await readPluginFolder({ name, directory, source: "user" }, config), commit };
  }

  async #update(name: PluginName, accepted: unknown): Promise<Record<string, unknown>> {
    const target = this.#installed(name);
    const current = this.#ports.manifest(name) ?? (await manifestAt(target)) ?? nothing;
    const url = await this.#urlOf(name);
    return this.#inStaging(async (staging) => {
      const { folder, commit } = await this.#fetch(url, name, staging);
      const more = widened(current, folder.manifest);
      // Includes the manifest: the same code with a manifest that requests more was not accepted.
      const digest = `sha256:${folder.fingerprint}`;
      if (more.length > 0 && accepted !== digest) {
        throw refused(
          "update_wants_more",
          `The update requests more access than before (${more.join("; ")}). To install it, accept ${digest}`,
          409,
        );
      }
      const config = join(target, "config.json");
      if (isThere(config)) await copyFile(config, join(folder.directory, "config.json"));
      const old = join(staging, `${present}${name}`);
      await rename(target, old);
      await rename(folder.directory, target);
      await this.#ports.reload(name);
      const failure = this.#status(name)?.failure;
      if (failure !== undefined) {
        await rename(target, join(staging, "refused"));
        await rename(old, target);
        await this.#ports.reload(name);
        throw refused(
          "load_failed",
          `The update does not load (${failure.category}). The old version is still installed`,
        );
      }
      await this.#origins.installed(name, url, commit);
      // The update is complete: no part of the old version is restored from here on.
      await rename(old, join(staging, "replaced"));
      return { ...this.#described(folder, commit), updated: true };
    });
  }

  async #remove(name: PluginName, credentials: boolean): Promise<Record<string, unknown>> {
    const target = this.#installed(name);
    await this.#inStaging(async (staging) => {
      // Moved away in one step. A link is moved as a link; its target stays.
      await rename(target, join(staging, "removed"));
    });
    if (credentials) await this.#ports.credentials.remove(name);
    await this.#ports.reload(name).catch(() => {});
    await this.#origins.removed(name);
    return { removed: name, credentials_removed: credentials, requires_restart: false };
  }

  async #configure(name: PluginName, key: string, value: string): Promise<Record<string, unknown>> {
    const target = this.#installed(name);
    const manifest = this.#ports.manifest(name) ?? (await manifestAt(target));
    const schema = manifest?.config_schema;
    const property = Object.hasOwn(schema?.properties ?? {}, key) ? schema?.properties[key] : undefined;
    if (manifest === undefined || schema === undefined || property === undefined) {
      throw refused("invalid_config", `The plugin ${name} has no setting ${JSON.stringify(key)}`);
    }
    // The value would never be read.
    if (this.#ports.settings(name) !== undefined)
      throw refused(
        "invalid_config",
        `The operator has set the configuration of ${name}. Only the operator can change it`,
      );
    const before = parseJsonFile((await this.#configOf(name)) ?? "{}");
    const raw = JSON.stringify({ ...Object(before), [key]: valueFor(property.type, value) }, null, 2);
    // Other required settings may follow.
    const config = checkConfig({ ...manifest, config_schema: { ...schema, required: [] } }, raw);
    await writePrivateFile(join(target, "config.json"), `${raw}\n`);
    await this.#ports.reload(name);
    const lacks = await this.#lacks({ name, manifest, config });
    return { configured: name, key, ...waitsFor(lacks), requires_restart: false };
  }

  async #verify(name: PluginName): Promise<Record<string, unknown>> {
    const manifest = this.#ports.manifest(name) ?? (await manifestAt(below(this.#ports.userDirectory, name)));
    const checks = await this.#ports.credentials.check(name, manifest?.install?.credentials ?? []);
    const problems = checks.filter((each) => each.problem !== undefined || (each.required && !each.present));
    if (problems.length > 0) {
      return {
        ok: false,
        message: "Credentials are missing or not private",
        credentials: problems.map(({ key, path, present, problem }) => ({
          key,
          path,
          present,
          problem: problem ?? null,
        })),
      };
    }
    // Its missing credentials may exist now, so it is loaded again. A missing plugin is reported.
    if (this.#ports.manifest(name) === undefined) await this.#ports.reload(name);
    if (this.#ports.manifest(name) === undefined) {
      const { category } = this.#status(name)?.failure ?? {};
      return { ok: false, message: `The plugin does not load (${category})` };
    }
    try {
      const { ok, message } = await this.#ports.verify(name);
      return { ok, message };
    } catch (error) {
      // A crash, a hang or an error is a result of the verification.
      if (!isHoldfastError(error) || error.group !== "plugin") throw error;
      return { ok: false, message: error.message };
    }
  }

  /** Describes required credentials and settings that are missing. */
  async #lacks({ name, manifest, config }: Pick<PluginFolder, "name" | "manifest" | "config">) {
    const checks = await this.#ports.credentials.check(name, manifest.install?.credentials ?? []);
    const credentials = checks.filter(({ required, present }) => required && !present);
    const settings = (manifest.config_schema?.required ?? []).filter((key) => !Object.hasOwn(config, key));
    return [
      ...credentials.map(({ key }) => `the credential ${key}`),
      ...settings.map((key) => `the setting ${key}`),
    ];
  }

  async #list(builtIn: boolean): Promise<Record<string, unknown>> {
    const plugins = this.#ports
      .list()
      .filter((each) => builtIn || each.source === "user")
      .map(({ name, source, state, version, description, tools, failure }) => ({
        name,
        source,
        state,
        version: version ?? null,
        description: description ?? null,
        tools,
        failure: failure?.category ?? null,
      }));
    return { plugins };
  }

  /** The folder of a plugin of the user. Throws `plugin.not_found`. */
  #installed(name: PluginName): string {
    const target = below(this.#ports.userDirectory, name);
    if (isThere(target)) return target;
    throw refused("not_found", `The plugin ${name} is not installed`, 404);
  }

  #status(name: PluginName): PluginStatus | undefined {
    return this.#ports.list().find((each) => each.name === name);
  }

  async #urlOf(name: PluginName): Promise<string> {
    const url = await this.#origins.of(name);
    if (url === undefined) {
      throw refused("not_found", `The plugin ${name} was not installed from an address`, 404);
    }
    return checkUrl(url, this.#ports.sources);
  }

  async #configOf(name: PluginName): Promise<string | undefined> {
    const given = this.#ports.settings(name);
    if (given !== undefined) return JSON.stringify(given);
    const path = join(below(this.#ports.userDirectory, name), "config.json");
    const stat = await lstat(path).catch(() => undefined);
    return stat?.isFile() === true ? readFile(path, "utf8") : undefined;
  }

  #described({ name, manifest, digest }: PluginFolder, commit: string): Record<string, unknown> {
    return {
      name,
      version: manifest.version,
      commit,
      digest,
      tools: manifest.provides.tools.map((each) => ({ name: each.name, risk_level: each.risk_level })),
      egress: (manifest.egress ?? []).map((each) => each.url),
      credentials_needed: (manifest.install?.credentials ?? []).map((each) => ({
        ...each,
        path: join(this.#ports.credentials.folder(name), each.key),
      })),
      requires_restart: false,
    };
  }

  /** Runs `run` with a temporary folder, which is removed afterwards. */
  async #inStaging<Result>(run: (staging: string) => Promise<Result>): Promise<Result> {
    const staging = join(this.#ports.stagingDirectory, randomBytes(8).toString("hex"));
    await mkdir(staging, { recursive: true, mode: 0o700 });
    try {
      return await run(staging);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }
}

/** The part of a manifest that updates are compared by. */
type Present = Pick<
  PluginManifest,
  "allowed_groups" | "egress" | "install" | "provides" | "secrets" | "subscribes"
>;

/** The manifest of a version that did not load; undefined if it cannot be read. */
async function manifestAt(directory: string): Promise<PluginManifest | undefined> {
  try {
    return parseManifest(await readFile(join(directory, "manifest.json"), "utf8"));
  } catch {
    return undefined;
  }
}

/** Assumed access of an unreadable version: none, so that everything in the update counts as new. */
const nothing: Present = {
  provides: { channels: [], tools: [] },
  subscribes: [],
  allowed_groups: [],
  secrets: [],
};

function waitsFor(lacks: readonly string[]): { readonly waits_for?: readonly string[] } {
  return lacks.length === 0 ? {} : { waits_for: lacks };
}

/** Describes the access that the new version requests and the current one does not have. */
function widened(before: Present, after: PluginManifest): string[] {
  const ways = (manifest: Present) =>
    (manifest.egress ?? []).map(({ url, methods = ["GET"], paths = ["/"] }) => `${methods} ${url} ${paths}`);
  const keys = (manifest: Present) => (manifest.install?.credentials ?? []).map((each) => each.key);
  const presented = ({ egress = [] }: Present) =>
    egress.flatMap(({ credential, url }) => (credential === undefined ? [] : [`${credential} at ${url}`]));
  const lowRisk = new Set(
    before.provides.tools.filter((each) => each.risk_level === "low").map((each) => each.name),
  );
  const added = (what: string, one: readonly string[], other: readonly string[]) =>
    other.filter((each) => !one.includes(each)).map((each) => `${what} ${each}`);
  const noLongerAsked = after.provides.tools
    .filter((each) => each.risk_level === "low" && !lowRisk.has(each.name))
    .map((each) => `allows ${each.name} without approval`);
  const outside = (manifest: Present) =>
    manifest.provides.tools.filter((each) => each.untrusted === true).map((each) => each.name);
  const names = after.provides.tools.map((each) => each.name);
  const trusted = added(
    "no longer marks results as untrusted of",
    outside(after),
    outside(before).filter((each) => names.includes(each)),
  );
  const groups =
    before.allowed_groups === undefined
      ? []
      : after.allowed_groups === undefined
        ? ["every group"]
        : added("the group", before.allowed_groups, after.allowed_groups);
  const covered = (topics: string) => before.subscribes.some((pattern) => subscribes(pattern, topics));
  return [
    ...added("connects to", ways(before), ways(after)),
    ...added("the credential", keys(before), keys(after)),
    ...added("presents the credential", presented(before), presented(after)),
    ...newlyRead(before, after),
    ...added("publishes as", before.provides.channels, after.provides.channels),
    ...after.subscribes.filter((topics) => !covered(topics)).map((topics) => `subscribes to ${topics}`),
    ...noLongerAsked,
    ...trusted,
    ...groups,
  ];
}

/** Credentials that the new version's handler can read and the current one's cannot. */
function newlyRead(before: Present, after: Present): string[] {
  const isRead = ({ secrets, egress = [] }: Present, key: string) =>
    (secrets?.includes(key) ?? true) && !egress.some(({ credential }) => credential === key);
  const named = [before, after].flatMap(({ secrets = [], egress = [] }) => [
    ...secrets,
    ...egress.flatMap(({ credential }) => credential ?? []),
  ]);
  const keys = [...new Set(named)].filter((key) => isRead(after, key) && !isRead(before, key));
  const all = before.secrets !== undefined && after.secrets === undefined ? ["reads every credential"] : [];
  return [...all, ...keys.map((key) => `reads the credential ${key}`)];
}

/** Settings arrive as strings. */
function valueFor(type: string, text: string): unknown {
  if (type === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
