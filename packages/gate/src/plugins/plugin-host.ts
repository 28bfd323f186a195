import { join } from "node:path";
import { type Clock, HoldfastError, type Logger } from "@holdfast/core";
import type { Audit, AuditRecord } from "../audit/audit.ts";
import type { Tool, ToolCall, ToolOutcome, ToolSource } from "../broker/tool.ts";
import type { Egress, EgressOptions } from "../egress/egress.ts";
import type { Jails } from "../jail/jail.ts";
import { gateIdOf } from "../jail/orphans.ts";
import type { SecretScanner } from "../vault/redaction/secret-scanner.ts";
import { PluginCredentials } from "./credentials/credentials.ts";
import { Installer } from "./installer/installer.ts";
import { installerTools } from "./installer/installer-tools.ts";
import { PluginLauncher } from "./launcher.ts";
import { ManagedPlugin } from "./managed-plugin.ts";
import { writeAgentSkills } from "./manifest/agent-skills.ts";
import { FolderWatcher } from "./manifest/folder-watcher.ts";
import { invalidManifest } from "./manifest/manifest.ts";
import { pluginName } from "./manifest/names.ts";
import {
  type FoundPlugin,
  findPlugins,
  fingerprintOf,
  type PluginDirectories,
  type PluginFolder,
  readPluginFolder,
} from "./manifest/plugin-folder.ts";
import { writeSkills } from "./manifest/skills.ts";
import { failureOf } from "./plugin-answers.ts";
import { pluginLimits } from "./plugin-limits.ts";
import { unavailable } from "./plugin-process.ts";
import type { PluginStatus, Plugins, PluginsConfig } from "./plugins.ts";
import type {
  EventEnvelope,
  PluginManifest,
  PluginVerifyResult,
  SessionLookup,
  ToolDeclaration,
} from "./runtime/api.ts";
import { foldersOf } from "./shared-folders.ts";
import { ToolNames } from "./tool-names.ts";

export interface PluginHostOptions {
  readonly config: PluginsConfig;
  readonly dataDir: string;
  /** Folder for sockets, short enough for their addresses. */
  readonly sockets: string;
  readonly jails: Jails;
  readonly openEgress: (options: EgressOptions) => Promise<Egress>;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly log: Logger;
  readonly redact: (text: string) => string;
  /** Redacts secrets from a stream. */
  readonly scanner: () => SecretScanner;
  /** Called with every credential that is read, for redaction. */
  readonly remember: (secret: string) => void;
}

/** Audit records searched for one query of a plugin. */
const maxAuditRecords = 10_000;

/** Finds and checks the plugins of one gate, runs each in its own process, and replaces it when its folder changes. */
export class PluginHost implements Plugins, ToolSource {
  readonly name = "plugins";
  readonly skillsDirectory: string;
  readonly agentSkillsDirectory: string;
  readonly directories: PluginDirectories;
  readonly credentials: PluginCredentials;
  readonly #options: PluginHostOptions;
  readonly #launcher: PluginLauncher;
  readonly #toolNames: ToolNames;
  readonly #plugins = new Map<string, ManagedPlugin>();
  /** Status of plugins with no loaded version, by name. */
  readonly #failed = new Map<string, PluginStatus>();
  /** Fingerprints of the folders at the last scan, loaded or not. */
  readonly #seen = new Map<string, string>();
  /** Plugins refused because another plugin has the name of one of their tools, with that name. */
  readonly #nameClashes = new Map<string, { readonly folder: PluginFolder; readonly tool: string }>();
  readonly #listeners = new Set<() => void>();
  readonly #eventListeners = new Set<(envelope: EventEnvelope) => void>();
  readonly #installer: Installer;
  readonly #watcher: FolderWatcher;
  readonly #credentialWatcher: FolderWatcher;
  #turn: Promise<unknown> = Promise.resolve();
  /** Removed plugins that drain their calls, with the promise of their end. */
  readonly #closing = new Map<ManagedPlugin, Promise<void>>();
  #closed = false;

  constructor(options: PluginHostOptions) {
    const { config, dataDir } = options;
    this.#options = options;
    this.directories = {
      user: config.userDirectory ?? join(dataDir, "plugins"),
      ...(config.builtInDirectory === undefined ? {} : { builtIn: config.builtInDirectory }),
    };
    this.skillsDirectory = join(dataDir, "gate", "skills");
    this.agentSkillsDirectory = join(dataDir, "gate", "agent-skills");
    this.credentials = new PluginCredentials(
      config.credentialsDirectory ?? join(dataDir, "credentials", "plugins"),
      options.remember,
    );
    this.#toolNames = new ToolNames(dataDir);
    this.#launcher = new PluginLauncher({
      jails: options.jails,
      openEgress: options.openEgress,
      dataDirectory: join(dataDir, "gate", "plugins"),
      gateId: gateIdOf(join(dataDir, "gate")),
      connections: { directory: options.sockets, audit: options.audit },
      onStale: () => {
        // The watcher ignores some files, such as an editor's own.
        if (config.watch !== false) this.#watcher.changed();
      },
    });
    this.#installer = new Installer({
      userDirectory: this.directories.user,
      // On the same file system as the plugins, so that a rename installs one; a leading dot hides it from the scan.
      stagingDirectory: join(this.directories.user, ".staging"),
      recordsDirectory: join(dataDir, "gate", "installed"),
      sources: config.installSources ?? [],
      credentials: this.credentials,
      dataOf: (name) => this.#launcher.dataDirectory(name),
      settings: (name) => config.config?.[name],
      isGranted: (name) => config.grants?.[name] !== undefined,
      log: options.log,
      list: () => this.list(),
      manifest: (name) => this.manifest(name),
      reload: (name) => this.reload(name),
      verify: (name) => this.verify(name),
    });
    const watcher = (directory: string, look: () => Promise<void>) =>
      new FolderWatcher(directory, {
        onChange: () => {
          this.#inTurn(look).catch((error: unknown) => {
            options.log.error("the plugin folders could not be read", { error: String(error) });
          });
        },
        onBlind: (folder, error) =>
          options.log.warn("changes of a folder cannot be seen", { folder, error: String(error) }),
      });
    this.#watcher = watcher(this.directories.user, () => this.#look());
    this.#credentialWatcher = watcher(this.credentials.directory, () => this.#takeCredentials());
  }

  /** Finds the plugins and starts those that act by themselves. One that fails is listed with the reason. */
  async open(): Promise<void> {
    await this.#installer.recover().catch((error: unknown) => {
      this.#options.log.error("what was left of installing plugins could not be cleared away", {
        error: String(error),
      });
    });
    await this.#toolNames.load();
    if (this.#options.config.watch !== false) this.#credentialWatcher.watch();
    await this.#inTurn(() => this.#look());
  }

  list(): readonly PluginStatus[] {
    const loaded = [...this.#plugins.values()].map((each) => each.status);
    return [...loaded, ...this.#failed.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  manifest(name: string) {
    return this.#plugins.get(name)?.folder.manifest;
  }

  tools(): readonly Tool[] {
    return [...installerTools, ...[...this.#plugins.values()].flatMap((each) => each.tools())];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async invoke(call: ToolCall): Promise<ToolOutcome> {
    if (call.tool.plugin === "installer" && !this.#closed) return this.#installer.invoke(call);
    const plugin = this.#plugins.get(call.tool.plugin);
    if (plugin === undefined || this.#closed)
      throw unavailable(`The plugin ${call.tool.plugin} is not there`);
    return plugin.invoke(call);
  }

  async reload(name?: string): Promise<readonly PluginStatus[]> {
    const only = name === undefined ? undefined : pluginName(name);
    await this.#inTurn(() => this.#look(only ?? "all"));
    if (only !== undefined && !this.list().some((each) => each.name === only)) throw notFound(only);
    return this.list();
  }

  async settled(): Promise<void> {
    await this.#turn;
  }

  async verify(name: string): Promise<PluginVerifyResult> {
    this.#named(name);
    // The caller may have written a credential just now.
    await this.#inTurn(() => this.#renew(this.#named(name)));
    return this.#named(name).verify();
  }

  deliver(envelope: EventEnvelope): number {
    let subscribers = 0;
    for (const plugin of this.#plugins.values()) if (plugin.deliver(envelope)) subscribers += 1;
    return subscribers;
  }

  onEvent(listener: (envelope: EventEnvelope) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  async resolveSession(
    name: string,
    envelope: EventEnvelope,
    sessions: SessionLookup,
  ): Promise<string | null> {
    return this.#named(name).resolveSession(envelope, sessions);
  }

  async setCredential(name: string, key: string, value: string): Promise<void> {
    const checked = pluginName(name);
    await this.credentials.write(checked, key, value);
    await this.#inTurn(() => this.#takeCredentials());
  }

  /** Ends every process. Calls in flight fail with `plugin.unavailable`. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watcher.close();
    this.#credentialWatcher.close();
    await this.#turn.catch(() => {});
    const all = [...this.#plugins.values(), ...this.#closing.keys()];
    await Promise.all([...all.map((each) => each.close(0)), ...this.#closing.values()]);
  }

  #named(name: string): ManagedPlugin {
    const plugin = this.#plugins.get(pluginName(name));
    if (plugin === undefined) throw notFound(name);
    return plugin;
  }

  /** Runs scans of the folders one at a time. */
  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(run, run);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Scans the folders and loads what changed. `forced` (a name, or "all") is loaded even when unchanged. */
  async #look(forced?: string): Promise<void> {
    if (this.#closed) return;
    const { found, refused } = await findPlugins(this.directories);
    const names = new Set<string>([...found.map((each) => each.name), ...refused.map((each) => each.name)]);
    for (const name of [...this.#plugins.keys(), ...this.#failed.keys()]) {
      if (!names.has(name)) await this.#remove(name);
    }
    for (const { name, source, problem } of refused) {
      if (!this.#plugins.has(name)) this.#fail(name, source, invalidManifest([problem]));
    }
    const changes = await Promise.all(found.map((each) => this.#read(each, forced)));
    // One after the other where they may want the same tool's name, and all at once where they start. A tool that
    // comes with the product is what rules and people know by its name: no user's plugin is asked before.
    const accepted: PluginFolder[] = [];
    for (const source of ["built-in", "user"] as const) {
      for (const folder of changes) {
        if (folder?.source === source && this.#accept(folder, accepted, names)) accepted.push(folder);
      }
    }
    await this.#takeOverAll(accepted);
    await this.#keepToolNames(names);
    if (this.#forgetFreedNames(names)) return this.#look();
    const folders = [...this.#plugins.values()].map((each) => each.folder);
    await writeSkills(this.skillsDirectory, folders);
    await writeAgentSkills(this.agentSkillsDirectory, folders);
    this.#tellChange();
    if (this.#options.config.watch !== false) {
      this.#watcher.watch(found.filter(({ source }) => source === "user").map((each) => each.directory));
    }
  }

  /** Updates credentials of running plugins, and retries those that did not start: one may have been missing. */
  async #takeCredentials(): Promise<void> {
    if (this.#closed) return;
    const stopped = this.list().filter(({ failure }) => failure?.category === "init_error");
    for (const plugin of this.#plugins.values()) await this.#renew(plugin);
    for (const { name } of stopped) this.#seen.delete(name);
    if (stopped.length > 0) await this.#look();
  }

  /** A plugin that does not start with the new credentials keeps the old ones. */
  async #renew(plugin: ManagedPlugin): Promise<void> {
    try {
      await plugin.renewCredentials();
    } catch (error) {
      this.#fail(plugin.folder.name, plugin.folder.source, error);
    }
  }

  /** Reads and checks a folder if it has changed. An invalid folder leaves the loaded version in place. */
  async #read(found: FoundPlugin, forced: string | undefined): Promise<PluginFolder | undefined> {
    const config = this.#options.config.config?.[found.name];
    try {
      const fingerprint = `${found.directory} ${await fingerprintOf(found.directory)}`;
      const force = forced === "all" || forced === found.name;
      if (!force && this.#seen.get(found.name) === fingerprint) return undefined;
      this.#seen.set(found.name, fingerprint);
      this.#nameClashes.delete(found.name);
      return await readPluginFolder(found, config === undefined ? undefined : JSON.stringify(config));
    } catch (error) {
      this.#fail(found.name, found.source, error);
      return undefined;
    }
  }

  /** Whether no tool of `folder` has a name that belongs to another plugin; otherwise reports the clash. */
  #accept(folder: PluginFolder, others: readonly PluginFolder[], present: ReadonlySet<string>): boolean {
    const { name, source, manifest } = folder;
    for (const { name: tool } of manifest.provides.tools) {
      const owner = this.#otherOwnerOf(tool, folder, others, present);
      if (owner === undefined) continue;
      this.#nameClashes.set(name, { folder, tool });
      this.#fail(
        name,
        source,
        invalidManifest([`the tool name "${tool}" is already registered by ${owner}`]),
      );
      return false;
    }
    if (!this.#plugins.has(name)) this.#plugins.set(name, this.#managed(folder));
    return true;
  }

  #otherOwnerOf(
    tool: string,
    asking: Pick<PluginFolder, "name" | "source">,
    others: readonly PluginFolder[],
    present: ReadonlySet<string>,
  ): string | undefined {
    const loaded = [...this.#plugins.values()].map((each) => each.folder);
    return this.#toolNames.otherOwnerOf(tool, asking, [...loaded, ...others], present);
  }

  /** Marks plugins whose clashing name is free by now for the next scan. Returns whether there are any. */
  #forgetFreedNames(present: ReadonlySet<string>): boolean {
    const freed = [...this.#nameClashes].filter(
      ([, { folder, tool }]) => this.#otherOwnerOf(tool, folder, [], present) === undefined,
    );
    for (const [name] of freed) {
      // Dropping the clash as well keeps an unreadable folder from being retried for ever.
      this.#nameClashes.delete(name);
      this.#seen.delete(name);
    }
    return freed.length > 0;
  }

  async #keepToolNames(present: ReadonlySet<string>): Promise<void> {
    const taken = [...this.#plugins.values()].flatMap(({ folder: { name, manifest } }) =>
      manifest.provides.tools.map((tool) => [tool.name, name] as const),
    );
    const waiting = new Set([...present].filter((name) => !this.#plugins.has(name)));
    await this.#toolNames.keep(new Map(taken), waiting).catch((error: unknown) => {
      this.#options.log.error("whose the names of tools are could not be kept", { error: String(error) });
    });
  }

  #managed(folder: PluginFolder): ManagedPlugin {
    const { config, clock, log, redact, scanner } = this.#options;
    const { grants = {} } = config;
    const { folders, ...grant } = grants[folder.name] ?? {};
    return new ManagedPlugin(folder, {
      launcher: this.#launcher,
      credentials: this.credentials,
      grant: { ...grant, ...(folders === undefined ? {} : { folders: foldersOf(folder.name, grants) }) },
      clock,
      log,
      redact,
      scanner,
      catalog: () => this.#declarations(),
      publish: (envelope, manifest) => this.#publish(envelope, manifest),
      auditOf: (plugin, group) => this.#auditOf(plugin, group),
    });
  }

  /** Starts a few at a time: many at once would all start slowly and run into their timeouts. */
  async #takeOverAll(folders: readonly PluginFolder[]): Promise<void> {
    const waiting = [...folders];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await this.#takeOver(next);
    };
    await Promise.all(Array.from({ length: pluginLimits.startsAtOnce }, worker));
  }

  async #takeOver(folder: PluginFolder): Promise<void> {
    const { audit, redact } = this.#options;
    const plugin = this.#plugins.get(folder.name);
    if (plugin === undefined) return;
    const first = plugin.folder === folder;
    try {
      if (first) {
        if (plugin.eager) await plugin.start();
      } else {
        await plugin.replace(folder);
        // At once, since calls of the previous version are refused from now on.
        this.#tellChange();
      }
      this.#failed.delete(folder.name);
      const { version } = folder.manifest;
      await audit.note({
        type: "plugin.loaded",
        data: { plugin: folder.name, version, digest: folder.digest, source: folder.source },
      });
    } catch (error) {
      if (first) {
        this.#plugins.delete(folder.name);
        await plugin.close(0);
      } else plugin.failure = failureOf(error, redact);
      this.#fail(folder.name, folder.source, error);
    }
  }

  #fail(name: string, source: FoundPlugin["source"], error: unknown): void {
    const { log, redact, audit } = this.#options;
    const failure = failureOf(error, redact);
    log.warn("a plugin did not load", { plugin: name, ...failure });
    void audit.note({ type: "plugin.failed", data: { plugin: name, category: failure.category } });
    const loaded = this.#plugins.get(name);
    if (loaded !== undefined) {
      loaded.failure = failure;
      return;
    }
    this.#failed.set(name, {
      name,
      source,
      state: "failed",
      tools: [],
      skills: [],
      failure,
      crashes: 0,
      droppedEvents: 0,
    });
  }

  async #remove(name: string): Promise<void> {
    this.#failed.delete(name);
    this.#seen.delete(name);
    this.#nameClashes.delete(name);
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) return;
    this.#plugins.delete(name);
    this.#tellChange();
    // Its calls drain in the background.
    const closing = plugin.close(pluginLimits.drainMs).finally(() => this.#closing.delete(plugin));
    this.#closing.set(plugin, closing);
    await this.#options.audit.note({ type: "plugin.removed", data: { plugin: name } });
  }

  #declarations(): ToolDeclaration[] {
    return [...this.#plugins.values()].flatMap((each) => each.folder.manifest.provides.tools);
  }

  #tellChange(): void {
    const catalog = this.#declarations();
    for (const plugin of this.#plugins.values()) plugin.tellCatalog(catalog);
    for (const listener of this.#listeners) listener();
  }

  async #publish(envelope: EventEnvelope, manifest: PluginManifest): Promise<void> {
    await this.#options.config.onEvent?.(envelope, manifest);
    for (const listener of this.#eventListeners) {
      try {
        listener(envelope);
      } catch (error) {
        this.#options.log.error("a listener of plugin events failed", { error: String(error) });
      }
    }
    this.deliver(envelope);
  }

  /** Results of a plugin's tool calls in one group, newest last. */
  async #auditOf(plugin: string, group: string): Promise<AuditRecord[]> {
    const { audit } = this.#options;
    const [calls, results] = await Promise.all([
      audit.query({ type: "tool.call", limit: maxAuditRecords, newest: true }),
      audit.query({ type: "tool.result", limit: maxAuditRecords, newest: true }),
    ]);
    const ended = new Map(results.map((each) => [each.data?.["call"], each]));
    return calls
      .filter(({ data }) => data?.["plugin"] === plugin && data["group"] === group)
      .flatMap((each) => {
        const result = ended.get(each.data?.["call"]);
        return result === undefined ? [] : [{ ...result, data: { ...each.data, ...result.data } }];
      });
  }
}

function notFound(name: string): HoldfastError {
  return new HoldfastError("plugin", "not_found", `There is no plugin ${name}`, { statusCode: 404 });
}
