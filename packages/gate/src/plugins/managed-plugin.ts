import type { Tool, ToolCall, ToolOutcome } from "../broker/tool.ts";
import { EventQueue } from "./event-queue.ts";
import type { PluginFolder } from "./manifest/plugin-folder.ts";
import type { LoadFailed } from "./plugin-answers.ts";
import { type CallPorts, PluginCalls } from "./plugin-calls.ts";
import { toolsOf } from "./plugin-tools.ts";
import type { PluginState, PluginStatus } from "./plugins.ts";
import { PluginSupervisor, type SupervisorPorts } from "./process/plugin-supervisor.ts";
import { subscribes } from "./publisher.ts";
import type {
  EventEnvelope,
  PluginVerifyResult,
  PublishedEvent,
  SessionLookup,
  ToolDeclaration,
} from "./runtime/api.ts";
import type { SharedPluginAnswer, SharedPluginWork } from "./shared-plugins.ts";

export type PluginPorts = Omit<SupervisorPorts, "onQuestion"> & CallPorts;

/** One loaded plugin: its status, tools and event queue, above a supervised process. */
export class ManagedPlugin {
  readonly #confined: () => boolean;
  readonly #supervisor: PluginSupervisor;
  readonly #calls: PluginCalls;
  readonly #events: EventQueue;
  #tools: { readonly folder: PluginFolder; readonly tools: readonly Tool[] } | undefined;

  constructor(folder: PluginFolder, ports: PluginPorts) {
    this.#confined = () => ports.launcher.confined;
    this.#supervisor = new PluginSupervisor(folder, {
      ...ports,
      onQuestion: (question, process) => this.#calls.answer(question, process),
    });
    this.#calls = new PluginCalls(this.#supervisor, ports);
    this.#events = new EventQueue({
      plugin: folder.name,
      deliver: (envelope) => this.#calls.deliver(envelope),
      log: ports.log,
      redact: ports.redact,
    });
  }

  /** The version in use. */
  get folder(): PluginFolder {
    return this.#supervisor.folder;
  }

  /** Whether the process starts together with the gate; see {@link PluginSupervisor.startsEagerly}. */
  get startsEagerly(): boolean {
    return this.#supervisor.startsEagerly;
  }

  get status(): PluginStatus {
    const { folder, process, failure, isPaused, crashes } = this.#supervisor;
    const { name, source, manifest, digest, skills } = folder;
    const state: PluginState = process !== undefined ? "running" : isPaused ? "resting" : "idle";
    return {
      name,
      source,
      state,
      version: manifest.version,
      description: manifest.description,
      digest,
      tools: manifest.provides.tools.map((each) => each.name),
      skills: skills.map((each) => each.file),
      crashes,
      droppedEvents: this.#events.dropped,
      confined: this.#confined(),
      ...(process === undefined ? {} : { pid: process.pid }),
      ...(failure === undefined ? {} : { failure }),
    };
  }

  /** The same objects as long as the version is the same. */
  tools(): readonly Tool[] {
    const { folder } = this;
    if (this.#tools?.folder !== folder) this.#tools = { folder, tools: toolsOf(folder) };
    return this.#tools.tools;
  }

  /** Starts the process unless it is running. Throws {@link PluginLoadError}, `plugin.unavailable`. */
  async start(): Promise<void> {
    await this.#supervisor.start();
  }

  /** Switches to another version; see {@link PluginSupervisor.replace}. */
  async replace(folder: PluginFolder): Promise<void> {
    await this.#supervisor.replace(folder);
  }

  /** Hands changed credentials to the process; see {@link PluginSupervisor.refreshCredentials}. */
  async refreshCredentials(): Promise<void> {
    await this.#supervisor.refreshCredentials();
  }

  /** Lists `failure` in the status until the next successful start. */
  reportFailure(failure: LoadFailed): void {
    this.#supervisor.failure = failure;
  }

  /** Sends the tools of all plugins to the running process. */
  sendCatalog(catalog: readonly ToolDeclaration[]): void {
    this.#supervisor.process?.notify({ type: "catalog", catalog });
  }

  /** See {@link PluginCalls.invoke}. */
  async invoke(call: ToolCall): Promise<ToolOutcome> {
    return this.#calls.invoke(call);
  }

  async verify(): Promise<PluginVerifyResult> {
    return this.#calls.verify();
  }

  async resolveSession(envelope: EventEnvelope, sessions: SessionLookup): Promise<string | null> {
    return this.#calls.resolveSession(envelope, sessions);
  }

  /** See {@link PluginCalls.publish}. */
  async publish(event: PublishedEvent): Promise<void> {
    await this.#calls.publish(event);
  }

  /** See {@link PluginCalls.perform}. */
  async perform(work: SharedPluginWork): Promise<SharedPluginAnswer> {
    return this.#calls.perform(work);
  }

  /** Queues the event if the plugin subscribes to its topic in this group. Returns whether it does. */
  deliver(envelope: EventEnvelope): boolean {
    const { subscribes: patterns, allowed_groups: groups } = this.folder.manifest;
    if (!patterns.some((pattern) => subscribes(pattern, envelope.topic))) return false;
    if (groups !== undefined && !groups.includes(envelope.group)) return false;
    this.#events.add(envelope);
    return true;
  }

  /** Stops every process; calls in flight have `drainMs` to finish. */
  async close(drainMs: number): Promise<void> {
    this.#events.clear();
    await this.#supervisor.close(drainMs);
  }
}
