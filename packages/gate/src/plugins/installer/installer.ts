/** Installing a plugin's packages. */
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
  /** Folder for what is not yet, or no longer, a plugin: on the same file system as the plugins. */
  readonly stagingDirectory: string;
  /** Where it is written down from where each plugin came. */
  readonly recordsDirectory: string;
  readonly sources: readonly string[];
  readonly credentials: PluginCredentials;
  readonly dataOf: (name: PluginName) => string;
  /** What the operator says in place of a plugin's `config.json`. */
  readonly settings: (name: PluginName) => Readonly<Record<string, unknown>> | undefined;
  /** True where the operator gives servers, folders, repositories or hosts to a plugin of that name. */
  readonly isGranted: (name: PluginName) => boolean;
  readonly log: Logger;
  readonly list: () => readonly PluginStatus[];
  readonly manifest: (name: string) => PluginManifest | undefined;
  readonly reload: (name: string) => Promise<unknown>;
  readonly verify: (name: string) => Promise<PluginVerifyResult>;
}

/** Before the name of a version that is to come back when its update is cut off; no plugin is named like that. */
const present = ".present-";

function refused(code: string, message: string, statusCode = 400): HoldfastError {
  return new HoldfastError("plugin", code, message, { statusCode });
}

/**
 * Installs, updates, configures and removes plugins of the user. Every verb takes its name through the
 * same check; what is fetched is checked in a staging folder first and put in place in one step; what
 * then does not load is taken back.
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
   * Clears away what a gate that was killed left in staging. An update that was not over is taken back: nobody
   * was told of it, and whether the new version loads is not known.
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
        log.warn("an update of a plugin that was cut off is taken back", { plugin: name });
      }
      await rm(staging, { recursive: true, force: true });
    }
    await this.#clearConfigurations();
  }

  /** Takes away configurations that a killed gate had begun to write: they would be files of their plugin's digest. */
  async #clearConfigurations(): Promise<void> {
    const { userDirectory } = this.#ports;
    const names = isThere(userDirectory) ? await readdir(userDirectory) : [];
    for (const name of names.filter(isPluginName)) {
      const folder = below(userDirectory, name);
      // A link may lead nowhere.
      if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
      const unfinished = (await readdir(folder)).filter((file) => isUnfinished(file, "config.json"));
      for (const file of unfinished) await rm(join(folder, file), { force: true });
    }
  }

  /** One verb at a time. What is refused is told; anything else is the caller's to hide. */
  async invoke({ tool, arguments: args }: ToolCall): Promise<ToolOutcome> {
    const result = this.#turn.then(() => this.#verb(tool.name, args));
    this.#turn = result.catch(() => {});
    try {
      return { ok: true, result: await result };
    } catch (error) {
      if (!isHoldfastError(error) || error.group !== "plugin") throw error;
      this.#ports.log.warn("the installer refused", {
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
    if (isThere(target)) throw refused("already_there", `The plugin ${name} is installed already`, 409);
    // What an operator gave to one that comes with the product (credentials, servers, folders) is not for its namesake.
    if (this.#status(name)?.source === "built-in")
      throw refused("already_there", `The plugin ${name} comes with Holdfast: take another name`, 409);
    const left = await this.#origins.leftByAnother(name, url);
    if (left.length > 0)
      throw refused(
        "left_by_another",
        `Something is left of a plugin ${name} that came from elsewhere (${left.join(", ")}): take another name, or a person removes it`,
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
      // What it requires is given to a plugin that is there, so that for want of it none is taken back.
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
    // A repository brings no configuration of this machine.
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
      // Of the manifest too: the same code under one that wants still more was not accepted.
      const digest = `sha256:${folder.fingerprint}`;
      if (more.length > 0 && accepted !== digest) {
        throw refused(
          "update_wants_more",
          `The update wants more than before (${more.join("; ")}). To take it, accept ${digest}`,
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
        throw refused("load_failed", `The update does not load (${failure.category}); the old version stays`);
      }
      await this.#origins.installed(name, url, commit);
      // It is over: the old version does not come back, not even a part of it.
      await rename(old, join(staging, "replaced"));
      return { ...this.#described(folder, commit), updated: true };
    });
  }

  async #remove(name: PluginName, credentials: boolean): Promise<Record<string, unknown>> {
    const target = this.#installed(name);
    await this.#inStaging(async (staging) => {
      // Out of the way in one step; a link goes as a link, and what it leads to stays.
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
    // It would be written and never read.
    if (this.#ports.settings(name) !== undefined)
      throw refused(
        "invalid_config",
        `The operator has set the configuration of ${name}: only the operator changes it`,
      );
    const before = parseJsonFile((await this.#configOf(name)) ?? "{}");
    const raw = JSON.stringify({ ...Object(before), [key]: valueFor(property.type, value) }, null, 2);
    // One at a time: others that are required may still come.
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
    // What one that did not load has lacked may be there now. One that is nowhere is told so.
    if (this.#ports.manifest(name) === undefined) await this.#ports.reload(name);
    if (this.#ports.manifest(name) === undefined) {
      const { category } = this.#status(name)?.failure ?? {};
      return { ok: false, message: `The plugin does not load (${category})` };
    }
    try {
      const { ok, message } = await this.#ports.verify(name);
      return { ok, message };
    } catch (error) {
      // That it crashes, hangs or throws is an answer to whether it works.
      if (!isHoldfastError(error) || error.group !== "plugin") throw error;
      return { ok: false, message: error.message };
    }
  }

  /** What a plugin requires and has not been given yet, in words. */
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

  /** A folder that is gone afterwards, with whatever is left in it. */
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

/** As far as updates are compared with it. */
type Present = Pick<
  PluginManifest,
  "allowed_groups" | "egress" | "install" | "provides" | "secrets" | "subscribes"
>;

/** Of a version that did not load; undefined where nothing of it can be read. */
async function manifestAt(directory: string): Promise<PluginManifest | undefined> {
  try {
    return parseManifest(await readFile(join(directory, "manifest.json"), "utf8"));
  } catch {
    return undefined;
  }
}

/** What one may do of which nothing can be read, so that all is asked about. */
const nothing: Present = {
  provides: { channels: [], tools: [] },
  subscribes: [],
  allowed_groups: [],
  secrets: [],
};

function waitsFor(lacks: readonly string[]): { readonly waits_for?: readonly string[] } {
  return lacks.length === 0 ? {} : { waits_for: lacks };
}

/** What a new version may do that the present one may not. */
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
    .map((each) => `calls without asking ${each.name}`);
  const outside = (manifest: Present) =>
    manifest.provides.tools.filter((each) => each.untrusted === true).map((each) => each.name);
  const names = after.provides.tools.map((each) => each.name);
  const trusted = added(
    "declares untrusted content as trusted from",
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
    ...added("goes out to", ways(before), ways(after)),
    ...added("the credential", keys(before), keys(after)),
    ...added("presents the credential", presented(before), presented(after)),
    ...newlyRead(before, after),
    ...added("publishes as", before.provides.channels, after.provides.channels),
    ...after.subscribes.filter((topics) => !covered(topics)).map((topics) => `hears of ${topics}`),
    ...noLongerAsked,
    ...trusted,
    ...groups,
  ];
}

/** Credentials that the handler of a new version gets, and that of the present one does not. */
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

/** A setting comes as text. */
function valueFor(type: string, text: string): unknown {
  if (type === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
