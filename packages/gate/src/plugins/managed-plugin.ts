import { randomUUID } from "node:crypto";
import { type Clock, HoldfastError, type Logger } from "@holdfast/core";
import type { Audit } from "../audit/audit.ts";
import type { Principal, Tool, ToolCall, ToolOutcome } from "../broker/tool.ts";
import type { SecretScanner } from "../vault/redaction/secret-scanner.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { PluginCredentials } from "./credentials/credentials.ts";
import { presentedCredentials, readableCredentials } from "./credentials/presented-credentials.ts";
import { EventQueue } from "./event-queue.ts";
import type { PluginLauncher } from "./launcher.ts";
import { isThere } from "./manifest/names.ts";
import type { PluginFolder } from "./manifest/plugin-folder.ts";
import { auditEntries, failureOf, type LoadFailed, redacted, toolErrorOf } from "./plugin-answers.ts";
import type { PluginGrant } from "./plugin-grant.ts";
import { pluginLimits } from "./plugin-limits.ts";
import { PluginLoadError } from "./plugin-load-error.ts";
import { type Answer, PluginProcess, unavailable } from "./plugin-process.ts";
import type { PluginState, PluginStatus } from "./plugins.ts";
import { Publisher, subscribes } from "./publisher.ts";
import type {
  EventEnvelope,
  PluginManifest,
  PluginVerifyResult,
  SessionLookup,
  ToolDeclaration,
} from "./runtime/api.ts";
import { channelVersion, type InvocationContext, type Question } from "./runtime/messages.ts";

export interface PluginPorts {
  readonly launcher: PluginLauncher;
  readonly credentials: PluginCredentials;
  readonly grant: PluginGrant;
  readonly clock: Clock;
  readonly log: Logger;
  readonly redact: (text: string) => string;
  /** Creates a scanner that redacts the secrets known now from a stream. */
  readonly scanner: () => SecretScanner;
  readonly catalog: () => readonly ToolDeclaration[];
  readonly publish: (envelope: EventEnvelope, manifest: PluginManifest) => Promise<void>;
  /** Audit records of a plugin's tools in one group. */
  readonly auditOf: (plugin: string, group: string) => ReturnType<Audit["query"]>;
}

/** Longest handler error in the log, in characters. */
const maxDetailCharacters = 8_000;

/** The callers of one process's running requests. */
interface Callers {
  readonly principals: Map<number, Principal>;
  readonly lookups: Map<number, SessionLookup>;
}

/** One plugin: its current version and process, with restarts and replacement. */
export class ManagedPlugin {
  readonly #ports: PluginPorts;
  readonly #breaker: CircuitBreaker;
  readonly #publisher: Publisher;
  #folder: PluginFolder;
  #process: PluginProcess | undefined;
  #starting: Promise<PluginProcess> | undefined;
  /** Pending while another version starts. */
  #replacing: Promise<void> | undefined;
  readonly #callers = new WeakMap<PluginProcess, Callers>();
  /** Processes that drain their calls, with the promise of their end. */
  readonly #draining = new Map<PluginProcess, Promise<unknown>>();
  /** When each session was first seen here. */
  readonly #sessions = new Map<string, string>();
  readonly #events: EventQueue;
  #calls = 0;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;
  #tools: { readonly of: PluginFolder; readonly tools: readonly Tool[] } | undefined;
  failure: LoadFailed | undefined;

  constructor(folder: PluginFolder, ports: PluginPorts) {
    this.#folder = folder;
    this.#ports = ports;
    this.#breaker = new CircuitBreaker(ports.clock);
    this.#publisher = new Publisher(ports.clock);
    this.#events = new EventQueue({
      plugin: folder.name,
      handOver: (envelope) => this.#handOver(envelope),
      log: ports.log,
      redact: ports.redact,
    });
  }

  get folder(): PluginFolder {
    return this.#folder;
  }

  /**
   * Whether its process is to run from the start. One that comes along waits for its first use, and runs
   * from then on when it acts by itself; at once where the operator has given it something.
   */
  get eager(): boolean {
    if (this.#folder.source === "user") return true;
    const { grant, launcher } = this.#ports;
    const given = Object.keys(grant).length > 0;
    return this.#actsByItself() && (given || isThere(launcher.dataDirectory(this.#folder.name)));
  }

  get status(): PluginStatus {
    const { name, source, manifest, digest, skills } = this.#folder;
    const process = this.#process;
    const running = process?.alive === true;
    const state: PluginState = running ? "running" : this.#breaker.restMs() > 0 ? "resting" : "idle";
    return {
      name,
      source,
      state,
      version: manifest.version,
      description: manifest.description,
      digest,
      tools: manifest.provides.tools.map((each) => each.name),
      skills: skills.map((each) => each.file),
      crashes: this.#breaker.crashes,
      droppedEvents: this.#events.missed,
      confined: this.#ports.launcher.confined,
      ...(running ? { pid: process.pid } : {}),
      ...(this.failure === undefined ? {} : { failure: this.failure }),
    };
  }

  /** The same objects as long as the version is the same. */
  tools(): readonly Tool[] {
    if (this.#tools?.of !== this.#folder) this.#tools = { of: this.#folder, tools: this.#toolsOf() };
    return this.#tools.tools;
  }

  /**
   * An approval is for this very code, with the risk, the ways out and the settings that it had as a person
   * looked at it, not for whatever calls itself that version.
   */
  get #version(): string {
    const { manifest, identity } = this.#folder;
    return `${manifest.version}+${identity.slice(0, 12)}`;
  }

  #toolsOf(): Tool[] {
    const { name, manifest } = this.#folder;
    return manifest.provides.tools.map((tool) => ({
      name: tool.name,
      description: tool.description,
      plugin: name,
      pluginVersion: this.#version,
      riskLevel: tool.risk_level,
      argumentsSchema: { ...tool.arguments_schema },
      ...(tool.output_schema === undefined ? {} : { outputSchema: tool.output_schema }),
      ...(tool.untrusted === true ? { untrusted: true } : {}),
      timeoutMs: tool.timeout_ms ?? manifest.timeout_ms ?? pluginLimits.defaultTimeoutMs,
      ...(manifest.allowed_groups === undefined ? {} : { allowedGroups: manifest.allowed_groups }),
    }));
  }

  /** Starts the process unless it is running. Throws {@link PluginLoadError}, `plugin.unavailable`. */
  async start(): Promise<PluginProcess> {
    if (this.#closed) throw unavailable("The plugin is being removed");
    if (this.#process?.alive) return this.#process;
    if (this.#replacing !== undefined) {
      // Starting the current version now would put it back in the place of the next one.
      await this.#replacing;
      return this.start();
    }
    const restMs = this.#breaker.restMs();
    if (restMs > 0) throw unavailable(`The plugin ${this.#folder.name} crashed too often and rests`, restMs);
    this.#starting ??= this.#launch(this.#folder)
      .then((process) => {
        this.#process = process;
        this.failure = undefined;
        return process;
      })
      .catch((error: unknown) => {
        this.#breaker.crashed();
        this.failure = failureOf(error, this.#ports.redact);
        throw error;
      })
      .finally(() => {
        this.#starting = undefined;
      });
    return this.#starting;
  }

  /**
   * Starts another version beside the present one and puts it in its place; the present one finishes its
   * calls. When the new one fails to start, the present one stays. Throws {@link PluginLoadError}.
   */
  async replace(folder: PluginFolder): Promise<void> {
    while (this.#starting !== undefined) await this.#starting.catch(() => {});
    const replaced = this.#startInPlace(folder);
    const over = () => {
      this.#replacing = undefined;
    };
    this.#replacing = replaced.then(over, over);
    await replaced;
  }

  async #startInPlace(folder: PluginFolder): Promise<void> {
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

  async #launch(folder: PluginFolder, verifyOnly = false): Promise<PluginProcess> {
    const { launcher, credentials, grant, catalog, scanner } = this.#ports;
    const { name, manifest, config } = folder;
    const all = await credentials.read(name);
    const launched = await launcher.launch(folder, grant, all);
    const callers: Callers = { principals: new Map(), lookups: new Map() };
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
        verifyOnly,
        needsResolveSession: manifest.session === "explicit",
      },
      {
        onQuestion: (question) => this.#answer(question, callers),
        onCrash: (detail, printed) => this.#crashed(detail, printed),
        scanner,
      },
    );
    this.#callers.set(process, callers);
    if (this.#closed) {
      await process.close(0);
      throw unavailable("The plugin is being removed");
    }
    return process;
  }

  #crashed(detail: string, printed: string): void {
    const { log, redact } = this.#ports;
    this.#breaker.crashed();
    log.warn("a plugin crashed", {
      plugin: this.#folder.name,
      detail,
      crashes: this.#breaker.crashes,
      printed: redact(printed),
    });
    // Other plugins restart with the next call; one that acts by itself must be restarted here.
    if (this.#closed || !this.#actsByItself()) return;
    clearTimeout(this.#restart);
    this.#restart = setTimeout(
      () => void this.start().catch(() => {}),
      Math.max(1_000, this.#breaker.restMs()),
    ).unref();
  }

  #actsByItself(): boolean {
    const { manifest } = this.#folder;
    return manifest.provides.channels.length > 0 || manifest.subscribes.length > 0;
  }

  /** Throws `plugin.unavailable`, `plugin.timeout`, `plugin.handler_failed`, and the reason of an abort. */
  async invoke(call: ToolCall): Promise<ToolOutcome> {
    if (this.#calls >= pluginLimits.maxCalls) {
      throw unavailable(`The plugin ${this.#folder.name} already has ${pluginLimits.maxCalls} calls`, 1_000);
    }
    this.#calls += 1;
    let callers: Callers | undefined;
    let id = 0;
    try {
      const process = await this.#forCall();
      // The arguments were validated, and perhaps approved, for the previous version.
      if (call.tool.pluginVersion !== this.#version)
        throw unavailable(`The plugin ${this.#folder.name} has changed meanwhile`, 1_000);
      callers = this.#callers.get(process);
      const answer = await process.request(
        {
          type: "invoke",
          tool: call.tool.name,
          arguments: { ...call.arguments },
          context: this.#context(call),
        },
        {
          timeoutMs: call.tool.timeoutMs ?? pluginLimits.defaultTimeoutMs,
          signal: call.signal,
          onId: (given) => {
            id = given;
            callers?.principals.set(given, call.principal);
          },
          onProgress: ({ progress, total, message }) => {
            if (typeof progress !== "number") return;
            call.onProgress?.({
              progress,
              ...(typeof total === "number" ? { total } : {}),
              ...(typeof message === "string" ? { message } : {}),
            });
          },
        },
      );
      return this.#outcome(answer, call.tool.name);
    } finally {
      this.#calls -= 1;
      callers?.principals.delete(id);
    }
  }

  async #forCall(): Promise<PluginProcess> {
    try {
      return await this.start();
    } catch (error) {
      if (!(error instanceof PluginLoadError)) throw error;
      throw unavailable(`The plugin ${this.#folder.name} does not start (${error.category})`);
    }
  }

  #context({ principal, correlation, tainted }: ToolCall): InvocationContext {
    const { group, session, user, organization, agent } = principal;
    const now = new Date(this.#ports.clock.now()).toISOString();
    const key = JSON.stringify([group, session]);
    const startedAt = this.#sessions.get(key) ?? now;
    this.#sessions.set(key, startedAt);
    if (this.#sessions.size > 1_000) this.#sessions.delete(this.#sessions.keys().next().value ?? "");
    return {
      group,
      sessionId: session,
      startedAt,
      correlationId: correlation,
      timestamp: now,
      ...(user === undefined ? {} : { user }),
      ...(organization === undefined ? {} : { organization }),
      ...(agent === undefined ? {} : { agent }),
      ...(tainted === undefined ? {} : { tainted }),
    };
  }

  #outcome(answer: Answer, tool: string): ToolOutcome {
    switch (answer.type) {
      case "result":
        return {
          ok: true,
          result: answer.result,
          ...(answer.untrusted === true ? { untrusted: true } : {}),
        };
      case "error":
        return { ok: false, error: toolErrorOf(answer.error) };
      case "thrown":
        throw this.#failed(tool, String(answer.message));
      case "done":
        throw this.#failed(tool, "an answer to something else");
    }
  }

  /** Logs what a handler threw; the caller gets an incident id that finds it in the log. */
  #failed(tool: string, detail: string): HoldfastError {
    const errorId = randomUUID();
    const { log, redact } = this.#ports;
    log.error("a plugin's handler failed", {
      plugin: this.#folder.name,
      tool,
      errorId,
      detail: redact(detail).slice(0, maxDetailCharacters),
    });
    return new HoldfastError(
      "plugin",
      "handler_failed",
      `Plugin handler encountered an internal error (${errorId})`,
      { statusCode: 502, metadata: { errorId } },
    );
  }

  async #answer(question: Question, callers: Callers): Promise<unknown> {
    switch (question.what) {
      case "publish": {
        const { name, manifest } = this.#folder;
        await this.#ports.publish(this.#publisher.envelope(name, manifest, question.event), manifest);
        return null;
      }
      case "audit": {
        const group = question.call === undefined ? undefined : callers.principals.get(question.call)?.group;
        if (group === undefined) return [];
        const records = await this.#ports.auditOf(this.#folder.name, group);
        return auditEntries(records, question.filter ?? {});
      }
      case "sessions.latest":
        return (await callers.lookups.get(question.call)?.latest()) ?? null;
      case "sessions.find":
        return (await callers.lookups.get(question.call)?.find(question.criteria ?? {})) ?? [];
    }
  }

  /** Queues the event if the plugin subscribes to its topic in this group. Returns whether it does. */
  deliver(envelope: EventEnvelope): boolean {
    const { subscribes: patterns, allowed_groups: groups } = this.#folder.manifest;
    if (!patterns.some((pattern) => subscribes(pattern, envelope.topic))) return false;
    if (groups !== undefined && !groups.includes(envelope.group)) return false;
    this.#events.add(envelope);
    return true;
  }

  async #handOver(envelope: EventEnvelope): Promise<void> {
    const process = await this.start();
    const answer = await process.request({ type: "event", envelope }, { timeoutMs: pluginLimits.eventMs });
    if (answer.type === "thrown") this.#failed(`event ${envelope.topic}`, String(answer.message));
  }

  async verify(): Promise<PluginVerifyResult> {
    const process = await this.#forCall();
    const answer = await process.request({ type: "verify" }, { timeoutMs: pluginLimits.verifyMs });
    const { redact } = this.#ports;
    if (answer.type === "error") return { ok: false, message: redact(String(answer.error.message)) };
    const value = answer.type === "done" ? answer.value : undefined;
    if (typeof value !== "object" || value === null) {
      throw this.#failed("verify", answer.type === "thrown" ? answer.message : "no result");
    }
    const detail =
      typeof value.detail === "object" && value.detail !== null ? { ...value.detail } : undefined;
    return {
      ok: value.ok === true,
      message: redact(String(value.message)),
      ...(detail === undefined ? {} : { detail: Object(redacted(detail, redact)) }),
    };
  }

  async resolveSession(envelope: EventEnvelope, sessions: SessionLookup): Promise<string | null> {
    const process = await this.#forCall();
    const callers = this.#callers.get(process);
    let id = 0;
    try {
      const answer = await process.request(
        { type: "resolve_session", envelope },
        {
          timeoutMs: pluginLimits.eventMs,
          onId: (given) => {
            id = given;
            callers?.lookups.set(given, sessions);
          },
        },
      );
      if (answer.type === "thrown") throw this.#failed("resolveSession", String(answer.message));
      return answer.type === "done" && typeof answer.value === "string" ? answer.value : null;
    } finally {
      callers?.lookups.delete(id);
    }
  }

  tellCatalog(catalog: readonly ToolDeclaration[]): void {
    this.#process?.tell({ type: "catalog", catalog });
  }

  /**
   * Gives the process that runs its credentials as they are now. Its way out has had those that the gate presents
   * since it began, so that where they are others a new process takes its place. Throws {@link PluginLoadError}.
   */
  async renewCredentials(): Promise<void> {
    await this.#starting?.catch(() => {});
    const process = this.#process;
    // A process that starts later reads the credentials itself.
    if (process?.alive !== true) return;
    const { credentials, grant } = this.#ports;
    const { name, manifest } = this.#folder;
    const all = await credentials.read(name);
    if (process.presented !== presentedCredentials(manifest, grant, all)) await this.replace(this.#folder);
    else process.tell({ type: "credentials", credentials: readableCredentials(manifest, all) });
  }

  /** Ends every process; calls in flight may finish for `drainMs`. */
  async close(drainMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    this.#events.drop();
    await this.#starting?.catch(() => {});
    // A replaced version gets no more time than its successor.
    const replaced = [...this.#draining].flatMap(([process, drained]) => [process.close(drainMs), drained]);
    if (this.#process !== undefined) this.#drain(this.#process, drainMs);
    await Promise.all([...replaced, ...this.#draining.values()]);
  }
}
