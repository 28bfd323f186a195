import type { Clock, Logger } from "@holdfast/core";
import type { SecretScanner } from "../../vault/redaction/secret-scanner.ts";
import type { PluginCredentials } from "../credentials/credentials.ts";
import { presentedCredentials, readableCredentials } from "../credentials/presented-credentials.ts";
import { isThere } from "../manifest/names.ts";
import type { PluginFolder } from "../manifest/plugin-folder.ts";
import { failureOf, type LoadFailed } from "../plugin-answers.ts";
import type { PluginGrant } from "../plugin-grant.ts";
import { pluginLimits } from "../plugin-limits.ts";
import type { ToolDeclaration } from "../runtime/api.ts";
import { channelVersion, type Question } from "../runtime/messages.ts";
import { type SharedPlugins, sharedDataOf } from "../shared-plugins.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { PluginLauncher } from "./launcher.ts";
import { PluginProcess, unavailable } from "./plugin-process.ts";

export interface SupervisorPorts {
  readonly launcher: PluginLauncher;
  readonly credentials: PluginCredentials;
  readonly grant: PluginGrant;
  readonly clock: Clock;
  readonly log: Logger;
  readonly redact: (text: string) => string;
  /** Creates a scanner that redacts the secrets known now from a stream. */
  readonly scanner: () => SecretScanner;
  /** Tools of all plugins, which every process receives when it starts. */
  readonly catalog: () => readonly ToolDeclaration[];
  /** Answers a request of a process; rejects to refuse it. */
  readonly onQuestion: (question: Question, process: PluginProcess) => Promise<unknown>;
  /** The plugins whose data all nodes share; undefined on one machine. */
  readonly shared?: SharedPlugins;
}

/** Lifecycle of one plugin's process: starts it, restarts it after a crash, replaces it and stops it. */
export class PluginSupervisor {
  readonly #ports: SupervisorPorts;
  readonly #breaker: CircuitBreaker;
  #folder: PluginFolder;
  #process: PluginProcess | undefined;
  #starting: Promise<PluginProcess> | undefined;
  /** Pending while another version starts. */
  #replacing: Promise<void> | undefined;
  /** Replaced processes that finish their calls, each with a promise that settles when it has exited. */
  readonly #draining = new Map<PluginProcess, Promise<unknown>>();
  #restartTimer: NodeJS.Timeout | undefined;
  #closed = false;
  /** Why the last start failed; undefined once a start succeeds. */
  failure: LoadFailed | undefined;

  constructor(folder: PluginFolder, ports: SupervisorPorts) {
    this.#folder = folder;
    this.#ports = ports;
    this.#breaker = new CircuitBreaker(ports.clock);
  }

  /** The version that runs, or that the next start runs. */
  get folder(): PluginFolder {
    return this.#folder;
  }

  /** The running process. */
  get process(): PluginProcess | undefined {
    return this.#process?.alive === true ? this.#process : undefined;
  }

  get crashes(): number {
    return this.#breaker.crashes;
  }

  get isPaused(): boolean {
    return this.#breaker.pauseMs() > 0;
  }

  /**
   * Whether the process starts together with the gate. A built-in plugin starts with its first use, unless it works
   * without being called (it has channels or subscriptions) and has a grant or data.
   */
  get startsEagerly(): boolean {
    if (this.#folder.source === "user") return true;
    const { grant, launcher } = this.#ports;
    const hasGrant = Object.keys(grant).length > 0;
    return this.#runsUnasked && (hasGrant || isThere(launcher.dataDirectory(this.#folder.name)));
  }

  /** Whether its process works without being called: it listens on a channel or to events, with data of its own. */
  get #runsUnasked(): boolean {
    const { provides, subscribes } = this.#folder.manifest;
    return !this.#sharesData && (provides.channels.length > 0 || subscribes.length > 0);
  }

  get #sharesData(): boolean {
    return sharedDataOf(this.#ports.shared, this.#folder) !== undefined;
  }

  /** Starts the process unless it is running. Throws {@link PluginLoadError}, `plugin.unavailable`. */
  async start(): Promise<PluginProcess> {
    if (this.#closed) throw this.#removed();
    if (this.#process?.alive) return this.#process;
    if (this.#replacing !== undefined) {
      // The current version must not start now: it would take the place of the version that replaces it.
      await this.#replacing;
      return this.start();
    }
    const pauseMs = this.#breaker.pauseMs();
    if (pauseMs > 0) {
      throw unavailable(
        `The plugin ${this.#folder.name} crashed too often and is paused. Call it again in ${Math.ceil(pauseMs / 1_000)} s; the log says why it crashed`,
        pauseMs,
      );
    }
    this.#starting ??= this.#launch(this.#folder)
      .then((process) => {
        this.#process = process;
        this.failure = undefined;
        return process;
      })
      .catch((error: unknown) => {
        this.#breaker.recordCrash();
        this.failure = failureOf(error, this.#ports.redact);
        throw error;
      })
      .finally(() => {
        this.#starting = undefined;
      });
    return this.#starting;
  }

  /**
   * Starts another version and directs new calls to it, while the previous process finishes its calls.
   * If the new version does not start, the previous one stays. Throws {@link PluginLoadError}.
   */
  async replace(folder: PluginFolder): Promise<void> {
    while (this.#starting !== undefined) await this.#starting.catch(() => {});
    const replaced = this.#swap(folder);
    const done = () => {
      this.#replacing = undefined;
    };
    this.#replacing = replaced.then(done, done);
    await replaced;
  }

  /**
   * Hands changed credentials to the running process. The egress presents the credentials it was opened with, so a
   * change to one of those replaces the process. Throws {@link PluginLoadError}.
   */
  async refreshCredentials(): Promise<void> {
    await this.#starting?.catch(() => {});
    const process = this.#process;
    // A process that starts later reads the credentials itself.
    if (process?.alive !== true) return;
    const { credentials, grant } = this.#ports;
    const { name, manifest } = this.#folder;
    const all = await credentials.read(name);
    if (process.presented !== presentedCredentials(manifest, grant, all)) await this.replace(this.#folder);
    else process.notify({ type: "credentials", credentials: readableCredentials(manifest, all) });
  }

  /** Stops every process; calls in flight have `drainMs` to finish. */
  async close(drainMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restartTimer);
    await this.#starting?.catch(() => {});
    // A replaced version gets no more time than its successor.
    const replaced = [...this.#draining].flatMap(([process, drained]) => [process.close(drainMs), drained]);
    if (this.#process !== undefined) this.#drain(this.#process, drainMs);
    await Promise.all([...replaced, ...this.#draining.values()]);
  }

  async #swap(folder: PluginFolder): Promise<void> {
    const next = await this.#launch(folder);
    const previous = this.#process;
    this.#folder = folder;
    this.#process = next;
    this.failure = undefined;
    this.#breaker.reset();
    if (previous !== undefined) this.#drain(previous, pluginLimits.drainMs);
  }

  #drain(process: PluginProcess, drainMs: number): void {
    const drained = process.close(drainMs).finally(() => this.#draining.delete(process));
    this.#draining.set(process, drained);
  }

  async #launch(folder: PluginFolder): Promise<PluginProcess> {
    const { launcher, credentials, grant, catalog, scanner, onQuestion } = this.#ports;
    const { name, manifest, config } = folder;
    const all = await credentials.read(name);
    const launched = await launcher.launch(folder, grant, all);
    const process = await PluginProcess.start(
      launched,
      {
        type: "start",
        version: channelVersion,
        plugin: name,
        ...launched.start,
        credentials: readableCredentials(manifest, all),
        config,
        catalog: catalog(),
        channels: manifest.provides.channels.length > 0,
        verifyOnly: false,
        needsResolveSession: manifest.session === "explicit",
        ...(this.#sharesData ? { sharesData: true } : {}),
      },
      { onQuestion, onCrash: (detail, output) => this.#handleCrash(detail, output), scanner },
    );
    if (this.#closed) {
      await process.close(0);
      throw this.#removed();
    }
    return process;
  }

  #handleCrash(detail: string, output: string): void {
    const { log, redact } = this.#ports;
    this.#breaker.recordCrash();
    log.warn("a plugin crashed", {
      plugin: this.#folder.name,
      detail,
      crashes: this.#breaker.crashes,
      printed: redact(output),
    });
    // The next call restarts any other plugin.
    if (this.#closed || !this.#runsUnasked) return;
    clearTimeout(this.#restartTimer);
    this.#restartTimer = setTimeout(
      () => void this.start().catch(() => {}),
      Math.max(1_000, this.#breaker.pauseMs()),
    ).unref();
  }

  #removed(): Error {
    return unavailable(`The plugin ${this.#folder.name} is being removed, or the gate is stopping`);
  }
}
