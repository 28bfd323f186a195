/** Plugins: processes, calls, events, restarts. */
import type { ToolSource } from "../broker/tool.ts";
import type { PluginSource } from "./manifest/plugin-folder.ts";
import type { PluginGrant } from "./plugin-grant.ts";
import type { LoadFailure } from "./plugin-load-error.ts";
import type { EventEnvelope, PluginManifest, PluginVerifyResult, SessionLookup } from "./runtime/api.ts";

/** Where plugins are found, and what the operator grants each. */
export interface PluginsConfig {
  /** Folder of the built-in plugins; none by default. */
  readonly builtInDirectory?: string;
  /** Folder of the person's own plugins; `<dataDir>/plugins` by default. */
  readonly userDirectory?: string;
  /** `credentials/plugins` by default, in the data directory. */
  readonly credentialsDirectory?: string;
  /** Grants of the operator, by plugin name. */
  readonly grants?: Readonly<Record<string, PluginGrant>>;
  /** Configuration by plugin name; it replaces `config.json` in the folder. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** False to notice changes of the folders only at `reload`. True by default. */
  readonly watch?: boolean;
  /**
   * Accepts the events that plugins publish. A plugin's `publishEvent` resolves when this does and rejects with
   * its error, so that the plugin can publish an event again that was not accepted.
   */
  readonly onEvent?: (envelope: EventEnvelope, plugin: PluginManifest) => Promise<void>;
  /** Prefixes of addresses, besides `https://` and `git@`, from which plugins may be installed. */
  readonly installSources?: readonly string[];
}

/** State of a plugin. */
export type PluginState =
  /** Its process runs. */
  | "running"
  /** It starts with the next call. */
  | "idle"
  /** It crashed too often; calls are refused for a while. */
  | "resting"
  /** It did not load; `failure` says why. */
  | "failed";

/** Status of a plugin. */
export interface PluginStatus {
  readonly name: string;
  readonly source: PluginSource;
  readonly state: PluginState;
  readonly version?: string;
  readonly description?: string;
  readonly digest?: string;
  readonly tools: readonly string[];
  readonly skills: readonly string[];
  /** False if this machine has no jails and the plugin runs as an ordinary process. */
  readonly confined?: boolean;
  readonly pid?: number;
  /** Why it did not load, or why its last change was refused. */
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
  /** The same skills in the layout agents expect, `NAME/SKILL.md` with front matter; also for mounting read-only. */
  readonly agentSkillsDirectory: string;
  /**
   * Scans the folders again, or one of them, and loads what changed: validated and started
   * first, then swapped, then the old process drained. Throws `plugin.not_found`, `plugin.invalid_name`.
   */
  reload(name?: string): Promise<readonly PluginStatus[]>;
  /** Resolves when every change noticed so far is loaded. */
  settled(): Promise<void>;
  /**
   * Runs the plugin's `verify()`; a `ToolError` that it throws is a result that is not ok. Throws `plugin.not_found`,
   * `plugin.unavailable`, `plugin.timeout`, and `plugin.handler_failed` for anything else that it throws.
   */
  verify(name: string): Promise<PluginVerifyResult>;
  /** Delivers an event to each plugin that subscribes to its topic; returns their number. */
  deliver(envelope: EventEnvelope): number;
  /** Subscribes to the events of channel plugins, in the gate's own envelope. Returns the unsubscribe function. */
  onEvent(listener: (envelope: EventEnvelope) => void): () => void;
  /** Asks an `explicit` plugin which session answers an event; null for a new one. */
  resolveSession(name: string, envelope: EventEnvelope, sessions: SessionLookup): Promise<string | null>;
  /**
   * Stores a credential of a plugin (0600). A running plugin receives it immediately; one that did not start is
   * retried.
   */
  setCredential(name: string, key: string, value: string): Promise<void>;
}
