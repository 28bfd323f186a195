import { join } from "node:path";
import { type Clock, HoldfastError, type Logger } from "@holdfast/core";
import type { Audit } from "../audit/audit.ts";
import type { Tool, ToolCall, ToolOutcome, ToolSource } from "../broker/tool.ts";
import type { Egress, EgressOptions } from "../egress/egress.ts";
import type { Jails } from "../jail/jail.ts";
import { gateIdOf } from "../jail/orphans.ts";
import type { SecretScanner } from "../vault/redaction/secret-scanner.ts";
import { PluginCredentials } from "./credentials/credentials.ts";
import { Installer } from "./installer/installer.ts";
import { installerTools } from "./installer/installer-tools.ts";
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
import { auditOfPlugin } from "./plugin-audit.ts";
import { pluginLimits } from "./plugin-limits.ts";
import type { PluginStatus, Plugins, PluginsConfig } from "./plugins.ts";
import { PluginLauncher } from "./process/launcher.ts";
import { unavailable } from "./process/plugin-process.ts";
import type {
  EventEnvelope,
  PluginManifest,
  PluginVerifyResult,
  SessionLookup,
  ToolDeclaration,
} from "./runtime/api.ts";
import { foldersOf } from "./shared-folders.ts";
import {
  moveEarlierData,
  type SharedPluginHost,
  type SharedPlugins,
  sharedDataOf,
} from "./shared-plugins.ts";
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
  /** Answers for the built-in plugins whose data all nodes share; undefined on one machine. */
  readonly shared?: SharedPlugins;
}

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
  /** Fingerprint of each plugin's folder at the last scan, whether it loaded or not. */
  readonly #fingerprints = new Map<string, string>();
  readonly #listeners = new Set<() => void>();
  readonly #eventListeners = new Set<(envelope: EventEnvelope) => void>();
  readonly #installer: Installer;
  readonly #watcher: FolderWatcher;
  readonly #credentialWatcher: FolderWatcher;
  #lastScan: Promise<unknown> = Promise.resolve();
  /** Removed plugins that finish their calls, each with a promise that settles when it has stopped. */
  readonly #closing = new Map<ManagedPlugin, Promise<void>>();
  #closed = false;
  /** Ends the way of the shared data to this gate. */
  #detach: (() => void) | undefined;

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
        // The watcher ignores some files, such as an editor's temporary ones.
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
    const watcher = (directory: string, scan: () => Promise<void>) =>
      new FolderWatcher(directory, {
        onChange: () => {
          this.#serialize(scan).catch((error: unknown) => {
            options.log.error("the plugin folders could not be read", { error: String(error) });
          });
        },
        onWatchFailed: (folder, error) =>
          options.log.warn("a plugin folder cannot be watched for changes; reload its plugins by hand", {
            folder,
            error: String(error),
          }),
      });
    this.#watcher = watcher(this.directories.user, () => this.#scan());
    this.#credentialWatcher = watcher(this.credentials.directory, () => this.#refreshCredentials());
  }

  /** Finds the plugins and starts those that start eagerly. A plugin that fails is listed with the reason. */
  async open(): Promise<void> {
    await this.#installer.recover().catch((error: unknown) => {
      this.#options.log.error("leftovers of interrupted plugin installations could not be removed", {
        error: String(error),
      });
    });
    await this.#toolNames.load();
    if (this.#options.config.watch !== false) this.#credentialWatcher.watch();
    await this.#serialize(() => this.#scan());
    if (this.#closed) return;
    await moveEarlierData(this.#loadedFolders(), (name) => this.#launcher.dataDirectory(name), this.#options);
    this.#detach = this.#options.shared?.attach(this.#sharedHost());
  }

  /** What the shared data that this node serves may ask for: only in the name of plugins whose data it is. */
  #sharedHost(): SharedPluginHost {
    const find = (name: string) => {
      const plugin = this.#find(name);
      if (this.#closed || sharedDataOf(this.#options.shared, plugin.folder) === undefined)
        throw notFound(name);
      return plugin;
    };
    return {
      publish: async (name, event) => find(name).publish(event),
      perform: async (name, work) => find(name).perform(work),
    };
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
      throw unavailable(`The plugin ${call.tool.plugin} is not loaded. \`holdfast plugin list\` says why`);
    return plugin.invoke(call);
  }

  async reload(name?: string): Promise<readonly PluginStatus[]> {
    const only = name === undefined ? undefined : pluginName(name);
    await this.#serialize(() => this.#scan(only ?? "all"));
    if (only !== undefined && !this.list().some((each) => each.name === only)) throw notFound(only);
    return this.list();
  }

  async settled(): Promise<void> {
    await this.#lastScan;
  }

  async verify(name: string): Promise<PluginVerifyResult> {
    this.#find(name);
    // The caller may have written a credential just now.
    await this.#serialize(() => this.#refresh(this.#find(name)));
    return this.#find(name).verify();
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
    return this.#find(name).resolveSession(envelope, sessions);
  }

  async setCredential(name: string, key: string, value: string): Promise<void> {
    const checked = pluginName(name);
    await this.credentials.write(checked, key, value);
    await this.#serialize(() => this.#refreshCredentials());
  }

  /** Stops every process. Calls in flight fail with `plugin.unavailable`. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#detach?.();
    this.#watcher.close();
    this.#credentialWatcher.close();
    await this.#lastScan.catch(() => {});
    const all = [...this.#plugins.values(), ...this.#closing.keys()];
    await Promise.all([...all.map((each) => each.close(0)), ...this.#closing.values()]);
  }

  #find(name: string): ManagedPlugin {
    const plugin = this.#plugins.get(pluginName(name));
    if (plugin === undefined) throw notFound(name);
    return plugin;
  }

  /** Runs the scans one at a time: `run` starts when the previous scan has settled. */
  #serialize<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#lastScan.then(run, run);
    this.#lastScan = result.catch(() => {});
    return result;
  }

  /** Scans the folders and loads what changed. `forced` (a name, or "all") is loaded even when unchanged. */
  async #scan(forced?: string): Promise<void> {
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
    // Names are claimed one plugin after the other, built-in plugins first: rules and people know the built-in tools
    // by name, so no plugin of the user may take one. Only the starts run in parallel.
    const accepted: PluginFolder[] = [];
    for (const source of ["built-in", "user"] as const) {
      for (const folder of changes) {
        if (folder?.source === source && this.#accept(folder, accepted, names)) accepted.push(folder);
      }
    }
    await this.#loadAll(accepted);
    const folders = this.#loadedFolders();
    await this.#toolNames.save(folders, names).catch((error: unknown) => {
      this.#options.log.error("the owners of the tool names could not be stored", { error: String(error) });
    });
    const freed = this.#toolNames.takeFreed(folders, names);
    for (const name of freed) this.#fingerprints.delete(name);
    if (freed.length > 0) return this.#scan();
    await writeSkills(this.skillsDirectory, folders);
    await writeAgentSkills(this.agentSkillsDirectory, folders);
    this.#notifyChange();
    if (this.#options.config.watch !== false) {
      this.#watcher.watch(found.filter(({ source }) => source === "user").map((each) => each.directory));
    }
  }

  /** Updates the credentials of running plugins, and retries plugins that did not start: one may have been missing. */
  async #refreshCredentials(): Promise<void> {
    if (this.#closed) return;
    const stopped = this.list().filter(({ failure }) => failure?.category === "init_error");
    for (const plugin of this.#plugins.values()) await this.#refresh(plugin);
    for (const { name } of stopped) this.#fingerprints.delete(name);
    if (stopped.length > 0) await this.#scan();
  }

  /** A plugin that does not start with the new credentials keeps the old ones. */
  async #refresh(plugin: ManagedPlugin): Promise<void> {
    try {
      await plugin.refreshCredentials();
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
      if (!force && this.#fingerprints.get(found.name) === fingerprint) return undefined;
      this.#fingerprints.set(found.name, fingerprint);
      this.#toolNames.forgetClash(found.name);
      return await readPluginFolder(found, config === undefined ? undefined : JSON.stringify(config));
    } catch (error) {
      this.#fail(found.name, found.source, error);
      return undefined;
    }
  }

  /** Whether `folder` may load: none of its tools has a name that belongs to another plugin. Reports a clash. */
  #accept(folder: PluginFolder, accepted: readonly PluginFolder[], present: ReadonlySet<string>): boolean {
    const { name, source } = folder;
    const clash = this.#toolNames.check(folder, [...this.#loadedFolders(), ...accepted], present);
    if (clash !== undefined) {
      const problem = `the tool name "${clash.tool}" is already registered by ${clash.owner}`;
      this.#fail(name, source, invalidManifest([problem]));
      return false;
    }
    if (!this.#plugins.has(name)) this.#plugins.set(name, this.#managedPlugin(folder));
    return true;
  }

  #loadedFolders(): PluginFolder[] {
    return [...this.#plugins.values()].map((each) => each.folder);
  }

  #managedPlugin(folder: PluginFolder): ManagedPlugin {
    const { config, clock, log, redact, scanner, shared } = this.#options;
    const { grants = {} } = config;
    const { folders, ...grant } = grants[folder.name] ?? {};
    return new ManagedPlugin(folder, {
      launcher: this.#launcher,
      credentials: this.credentials,
      grant: {
        ...grant,
        ...(folders === undefined ? {} : { folders: foldersOf(folder.name, grants, shared !== undefined) }),
      },
      clock,
      log,
      redact,
      scanner,
      catalog: () => this.#declarations(),
      publish: (envelope, manifest) => this.#publish(envelope, manifest),
      auditOf: (plugin, group) => auditOfPlugin(this.#options.audit, plugin, group),
      ...(shared === undefined ? {} : { shared }),
    });
  }

  /** Loads a few at a time: if all started together, each would be slow and reach its timeout. */
  async #loadAll(folders: readonly PluginFolder[]): Promise<void> {
    const waiting = [...folders];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await this.#load(next);
    };
    await Promise.all(Array.from({ length: pluginLimits.startsAtOnce }, worker));
  }

  async #load(folder: PluginFolder): Promise<void> {
    const { audit } = this.#options;
    const plugin = this.#plugins.get(folder.name);
    if (plugin === undefined) return;
    const isNew = plugin.folder === folder;
    try {
      if (isNew) {
        if (plugin.startsEagerly) await plugin.start();
      } else {
        await plugin.replace(folder);
        // Before the audit record: from now on, calls of the previous version are refused.
        this.#notifyChange();
      }
      this.#failed.delete(folder.name);
      const { version } = folder.manifest;
      await audit.note({
        type: "plugin.loaded",
        data: { plugin: folder.name, version, digest: folder.digest, source: folder.source },
      });
    } catch (error) {
      if (isNew) {
        this.#plugins.delete(folder.name);
        await plugin.close(0);
      }
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
      loaded.reportFailure(failure);
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
    this.#fingerprints.delete(name);
    this.#toolNames.forgetClash(name);
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) return;
    this.#plugins.delete(name);
    this.#notifyChange();
    // Its calls finish in the background.
    const closing = plugin.close(pluginLimits.drainMs).finally(() => this.#closing.delete(plugin));
    this.#closing.set(plugin, closing);
    await this.#options.audit.note({ type: "plugin.removed", data: { plugin: name } });
  }

  #declarations(): ToolDeclaration[] {
    return [...this.#plugins.values()].flatMap((each) => each.folder.manifest.provides.tools);
  }

  #notifyChange(): void {
    const catalog = this.#declarations();
    for (const plugin of this.#plugins.values()) plugin.sendCatalog(catalog);
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
}

function notFound(name: string): HoldfastError {
  return new HoldfastError(
    "plugin",
    "not_found",
    `There is no plugin ${name}. \`holdfast plugin list\` lists the plugins`,
    { statusCode: 404 },
  );
}
