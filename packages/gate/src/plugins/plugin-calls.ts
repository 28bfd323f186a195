import { randomUUID } from "node:crypto";
import { type Clock, HoldfastError, type Logger } from "@holdfast/core";
import type { AuditRecord } from "../audit/audit.ts";
import type { Principal, ToolCall, ToolOutcome } from "../broker/tool.ts";
import { redacted, toolErrorOf } from "./plugin-answers.ts";
import { auditEntries } from "./plugin-audit.ts";
import { pluginLimits } from "./plugin-limits.ts";
import { PluginLoadError } from "./plugin-load-error.ts";
import { toolVersion } from "./plugin-tools.ts";
import { type Answer, type PluginProcess, unavailable } from "./process/plugin-process.ts";
import type { PluginSupervisor } from "./process/plugin-supervisor.ts";
import { Publisher } from "./publisher.ts";
import type {
  EventEnvelope,
  PluginManifest,
  PluginVerifyResult,
  PublishedEvent,
  SessionLookup,
} from "./runtime/api.ts";
import type { InvocationContext, Question } from "./runtime/messages.ts";
import {
  callShared,
  type SharedPluginAnswer,
  type SharedPlugins,
  type SharedPluginWork,
  sharedDataOf,
} from "./shared-plugins.ts";

export interface CallPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly redact: (text: string) => string;
  readonly publish: (envelope: EventEnvelope, manifest: PluginManifest) => Promise<void>;
  /** Audit records of a plugin's tools in one group. */
  readonly auditOf: (plugin: string, group: string) => Promise<readonly AuditRecord[]>;
  /** Answers for the built-in plugins whose data all nodes share; undefined on one machine. */
  readonly shared?: SharedPlugins;
}

/** Longest handler error in the log, in characters. */
const maxDetailCharacters = 8_000;

/** Sessions whose first call is remembered. */
const maxSessions = 1_000;

/** Who made the requests that a process is working on, by the id of the request. */
interface Callers {
  readonly principals: Map<number, Principal>;
  readonly lookups: Map<number, SessionLookup>;
}

/** Requests to one plugin, and the plugin's own requests to the gate while it works on them. */
export class PluginCalls {
  readonly #supervisor: PluginSupervisor;
  readonly #ports: CallPorts;
  readonly #publisher: Publisher;
  readonly #callers = new WeakMap<PluginProcess, Callers>();
  /** When each session first called this plugin. */
  readonly #sessionStarts = new Map<string, string>();
  #running = 0;

  constructor(supervisor: PluginSupervisor, ports: CallPorts) {
    this.#supervisor = supervisor;
    this.#ports = ports;
    this.#publisher = new Publisher(ports.clock);
  }

  /** Throws `plugin.unavailable`, `plugin.timeout`, `plugin.handler_failed`, and the reason of an abort. */
  async invoke(call: ToolCall): Promise<ToolOutcome> {
    if (this.#running >= pluginLimits.maxCalls) {
      throw unavailable(
        `The plugin ${this.#name} is already running ${pluginLimits.maxCalls} calls. Call it again later`,
        1_000,
      );
    }
    this.#running += 1;
    let callers: Callers | undefined;
    let id = 0;
    try {
      const shared = this.#shared;
      if (shared !== undefined) return await this.#invokeShared(shared, call);
      const process = await this.#startForCall();
      this.#requireVersion(call);
      callers = this.#callersOf(process);
      const answer = await process.request(
        {
          type: "invoke",
          tool: call.tool.name,
          arguments: { ...call.arguments },
          context: this.#context(call),
        },
        {
          timeoutMs: timeoutOf(call),
          signal: call.signal,
          onId: (requestId) => {
            id = requestId;
            callers?.principals.set(requestId, call.principal);
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
      this.#running -= 1;
      callers?.principals.delete(id);
    }
  }

  /** Delivers an event. A handler that throws has received it all the same. */
  async deliver(envelope: EventEnvelope): Promise<void> {
    const process = await this.#supervisor.start();
    const answer = await process.request({ type: "event", envelope }, { timeoutMs: pluginLimits.eventMs });
    if (answer.type === "thrown") this.#handlerFailed(`event ${envelope.topic}`, String(answer.message));
  }

  async verify(): Promise<PluginVerifyResult> {
    const shared = this.#shared;
    if (shared !== undefined) return this.#verifyShared(shared);
    const process = await this.#startForCall();
    const answer = await process.request({ type: "verify" }, { timeoutMs: pluginLimits.verifyMs });
    const { redact } = this.#ports;
    if (answer.type === "error") return { ok: false, message: redact(String(answer.error.message)) };
    const value = answer.type === "done" ? answer.value : undefined;
    if (typeof value !== "object" || value === null) {
      throw this.#handlerFailed("verify", answer.type === "thrown" ? answer.message : "no result");
    }
    const detail =
      typeof value.detail === "object" && value.detail !== null ? { ...value.detail } : undefined;
    return {
      ok: value.ok === true,
      message: redact(String(value.message)),
      ...(detail === undefined ? {} : { detail: Object(redacted(detail, redact)) }),
    };
  }

  async #invokeShared(shared: SharedPlugins, call: ToolCall): Promise<ToolOutcome> {
    this.#requireVersion(call);
    const { tool, arguments: args, signal } = call;
    const answer = await callShared(
      shared,
      this.#name,
      { tool: tool.name, arguments: args, context: this.#context(call) },
      { timeoutMs: timeoutOf(call), signal, log: this.#ports.log },
    );
    return this.#outcome(answer, tool.name);
  }

  async #verifyShared(shared: SharedPlugins): Promise<PluginVerifyResult> {
    try {
      await shared.verify(this.#name);
      return { ok: true, message: "Its data, which all nodes share, is readable" };
    } catch (error) {
      const { log } = this.#ports;
      log.warn("the shared data of a plugin could not be reached", { plugin: this.#name, error });
      return { ok: false, message: "Its data, which all nodes share, cannot be reached; the log says why" };
    }
  }

  /** Publishes an event as this plugin. Rejects if it was not accepted. */
  async publish(event: PublishedEvent): Promise<void> {
    await this.#publish(event);
  }

  /**
   * Has the process do what the plugin's shared data needs it for. Throws `plugin.unavailable`, `plugin.timeout`,
   * `plugin.handler_failed`.
   */
  async perform({ name, group, arguments: args }: SharedPluginWork): Promise<SharedPluginAnswer> {
    const process = await this.#startForCall();
    const now = new Date(this.#ports.clock.now()).toISOString();
    const context: InvocationContext = {
      ...{ group, sessionId: "", correlationId: randomUUID() },
      ...{ startedAt: now, timestamp: now },
    };
    const answer = await process.request(
      { type: "invoke", tool: name, arguments: { ...args }, context },
      { timeoutMs: pluginLimits.defaultTimeoutMs },
    );
    if (answer.type === "result" || answer.type === "error") return answer;
    throw this.#handlerFailed(name, answer.type === "thrown" ? String(answer.message) : "no result");
  }

  /** The arguments were validated, and perhaps approved, for one version. */
  #requireVersion(call: ToolCall): void {
    if (call.tool.pluginVersion === toolVersion(this.#supervisor.folder)) return;
    throw unavailable(
      `The plugin ${this.#name} was replaced by another version after this call was checked. Call it again`,
      1_000,
    );
  }

  async resolveSession(envelope: EventEnvelope, sessions: SessionLookup): Promise<string | null> {
    const process = await this.#startForCall();
    const callers = this.#callersOf(process);
    let id = 0;
    try {
      const answer = await process.request(
        { type: "resolve_session", envelope },
        {
          timeoutMs: pluginLimits.eventMs,
          onId: (requestId) => {
            id = requestId;
            callers.lookups.set(requestId, sessions);
          },
        },
      );
      if (answer.type === "thrown") throw this.#handlerFailed("resolveSession", String(answer.message));
      return answer.type === "done" && typeof answer.value === "string" ? answer.value : null;
    } finally {
      callers.lookups.delete(id);
    }
  }

  /** Answers a request that a process makes while it works on a call; it sees only that call's group. */
  async answer(question: Question, process: PluginProcess): Promise<unknown> {
    const callers = this.#callersOf(process);
    switch (question.what) {
      case "publish":
        await this.#publish(question.event);
        return null;
      case "audit": {
        const group = question.call === undefined ? undefined : callers.principals.get(question.call)?.group;
        if (group === undefined) return [];
        const records = await this.#ports.auditOf(this.#name, group);
        return auditEntries(records, question.filter ?? {});
      }
      case "sessions.latest":
        return (await callers.lookups.get(question.call)?.latest()) ?? null;
      case "sessions.find":
        return (await callers.lookups.get(question.call)?.find(question.criteria ?? {})) ?? [];
    }
  }

  async #publish(event: unknown): Promise<void> {
    const { name, manifest } = this.#supervisor.folder;
    await this.#ports.publish(this.#publisher.envelope(name, manifest, event), manifest);
  }

  get #shared(): SharedPlugins | undefined {
    return sharedDataOf(this.#ports.shared, this.#supervisor.folder);
  }

  get #name(): string {
    return this.#supervisor.folder.name;
  }

  #callersOf(process: PluginProcess): Callers {
    let callers = this.#callers.get(process);
    if (callers === undefined) {
      callers = { principals: new Map(), lookups: new Map() };
      this.#callers.set(process, callers);
    }
    return callers;
  }

  async #startForCall(): Promise<PluginProcess> {
    try {
      return await this.#supervisor.start();
    } catch (error) {
      if (!(error instanceof PluginLoadError)) throw error;
      throw unavailable(
        `The plugin ${this.#name} does not start (${error.category}). \`holdfast plugin list\` says why`,
      );
    }
  }

  #context({ principal, correlation, tainted }: ToolCall): InvocationContext {
    const { group, session, user, organization, agent } = principal;
    const now = new Date(this.#ports.clock.now()).toISOString();
    const key = JSON.stringify([group, session]);
    const startedAt = this.#sessionStarts.get(key) ?? now;
    this.#sessionStarts.set(key, startedAt);
    if (this.#sessionStarts.size > maxSessions) {
      this.#sessionStarts.delete(this.#sessionStarts.keys().next().value ?? "");
    }
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

  #outcome(answer: Answer | SharedPluginAnswer, tool: string): ToolOutcome {
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
        throw this.#handlerFailed(tool, String(answer.message));
      case "done":
        throw this.#handlerFailed(tool, "an answer to another kind of request");
    }
  }

  /** Logs what a handler threw; the caller gets an incident id that finds it in the log. */
  #handlerFailed(tool: string, detail: string): HoldfastError {
    const errorId = randomUUID();
    const { log, redact } = this.#ports;
    log.error("a plugin's handler failed", {
      plugin: this.#name,
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
}

function timeoutOf({ tool }: ToolCall): number {
  return tool.timeoutMs ?? pluginLimits.defaultTimeoutMs;
}
