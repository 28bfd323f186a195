/** Plugins: processes, calls, events, restarts. */
import type { ToolSource } from "../broker/tool.ts";
import type { PluginSource } from "./manifest/plugin-folder.ts";
import type { PluginGrant } from "./plugin-grant.ts";
import type { LoadFailure } from "./plugin-load-error.ts";
import type { EventEnvelope, PluginManifest, PluginVerifyResult, SessionLookup } from "./runtime/api.ts";

/** Where plugins are found, and what each is given. */
export interface PluginsConfig {
  /** Folder of the plugins that come with the product; none by default. */
  readonly builtInDirectory?: string;
  /** Folder of the person's own plugins; `<dataDir>/plugins` by default. */
  readonly userDirectory?: string;
  /** `credentials/plugins` by default, in the data directory. */
  readonly credentialsDirectory?: string;
  /** What the operator gives single plugins, by name. */
  readonly grants?: Readonly<Record<string, PluginGrant>>;
  /** `config.json` of single plugins, by name; it takes the place of the file in the folder. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** False to leave changes of the folders unseen until `reload`. True by default. */
  readonly watch?: boolean;
  /**
   * Takes over what plugins publish. A plugin's `publishEvent` resolves when this does and rejects with
   * its error, so that an event which was not taken over is published again by whoever keeps it.
   */
  readonly onEvent?: (envelope: EventEnvelope, plugin: PluginManifest) => Promise<void>;
  /** Prefixes of addresses, besides `https://` and `git@`, from which plugins may be installed. */
  readonly installSources?: readonly string[];
}

/** What became of a plugin. */
export type PluginState =
  /** Its process runs. */
  | "running"
  /** It starts with the next call. */
  | "idle"
  /** It crashed too often; calls are refused for a while. */
  | "resting"
  /** It did not load; `failure` says why. */
  | "failed";

/** A plugin as lists show it. */
export interface PluginStatus {
  readonly name: string;
  readonly source: PluginSource;
  readonly state: PluginState;
  readonly version?: string;
  readonly description?: string;
  readonly digest?: string;
  readonly tools: readonly string[];
  readonly skills: readonly string[];
  /** False where this machine has no jails: then its process is an ordinary one. */
  readonly confined?: boolean;
  readonly pid?: number;
  /** Why it did not load, or why its last change was not taken over. */
  readonly failure?: { readonly category: LoadFailure; readonly message: string };
  readonly crashes: number;
  readonly droppedEvents: number;
}

/** The plugins of one gate: a source of tools. */
export interface Plugins extends ToolSource {
  list(): readonly PluginStatus[];
  /** The checked manifest of a plugin that is loaded. */
  manifest(name: string): PluginManifest | undefined;
  /** `{plugin}-{file}.md` of every loaded plugin: to be mounted read-only into jails. */
  readonly skillsDirectory: string;
  /** The same as agents look for them, `NAME/SKILL.md` with a head: also for mounting read-only. */
  readonly agentSkillsDirectory: string;
  /**
   * Looks at the folders again, or at one of them, and takes over what changed: validated and started
   * first, then swapped, then the old process drained. Throws `plugin.not_found`, `plugin.invalid_name`.
   */
  reload(name?: string): Promise<readonly PluginStatus[]>;
  /** Resolves when every change that was seen so far is taken over. */
  settled(): Promise<void>;
  /**
   * Runs the plugin's `verify()`; a `ToolError` that it throws is a result that is not ok. Throws `plugin.not_found`,
   * `plugin.unavailable`, `plugin.timeout`, and `plugin.handler_failed` for anything else that it throws.
   */
  verify(name: string): Promise<PluginVerifyResult>;
  /** Hands an event to each plugin that subscribes to its topic; returns how many that are. */
  deliver(envelope: EventEnvelope): number;
  /** Called with what channel plugins publish; the envelope is the gate's own. Returns how to stop. */
  onEvent(listener: (envelope: EventEnvelope) => void): () => void;
  /** Asks an `explicit` plugin which session answers an event; null for a new one. */
  resolveSession(name: string, envelope: EventEnvelope, sessions: SessionLookup): Promise<string | null>;
  /** Stores a credential of a plugin (0600). What runs has it from then on; what did not start is tried again. */
  setCredential(name: string, key: string, value: string): Promise<void>;
}
