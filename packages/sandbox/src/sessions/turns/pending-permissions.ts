/** Prompt queue, turns, permissions, and the transcript for agents that cannot resume. */
import { randomUUID } from "node:crypto";
import type { Logger } from "@holdfast/core";
import type { AcpInstance } from "../../acp/instance.ts";
import type { Message } from "../../acp/message.ts";
import { isRecord, problem } from "../../http/problem.ts";
import { maxTimeoutMs } from "../../internal/max-timeout.ts";
import type { SandboxLimits } from "../../limits.ts";
import { answerAgent } from "../agent/agent-calls.ts";
import type { SessionLog } from "../store/session-log.ts";
import type { SessionStore } from "../store/store.ts";
import type { PermissionState, PermissionView, SessionRecord } from "../types.ts";
import type { PermissionOption, PermissionPolicy, PermissionVerdict } from "./policy.ts";
import { evaluateRules } from "./rules.ts";

/** A client's answer: an offered option, an option by its meaning, or a cancellation. */
export type PermissionAnswer =
  | { readonly optionId: string }
  | { readonly reply: "once" | "always" | "reject" }
  | { readonly cancel: true };

/** A permission request that the agent is waiting for. */
interface OpenQuestion {
  view: PermissionView;
  readonly instance: AcpInstance;
  readonly key: string;
  readonly idText: string;
  timer?: NodeJS.Timeout;
}

export interface PendingPermissionsOptions {
  readonly store: SessionStore;
  readonly key: number;
  readonly log: SessionLog;
  readonly record: () => SessionRecord;
  readonly limits: SandboxLimits;
  readonly policy: PermissionPolicy | undefined;
  readonly logger: Logger;
}

/**
 * Permission requests of one session. Each is stored, resolved by the first answer, and cancelled if its agent ends.
 */
export class PendingPermissions {
  readonly #options: PendingPermissionsOptions;
  readonly #asks = new Map<string, OpenQuestion>();
  /** Requests that the policy is deciding on. */
  readonly #deciding = new Set<OpenQuestion>();

  constructor(options: PendingPermissionsOptions) {
    this.#options = options;
    // Cancel the requests of an earlier server process: their agents have exited.
    for (const view of options.store.permissions(options.key, "pending")) {
      this.#store({ ...view, state: "cancelled", optionId: null, resolvedAt: Date.now() });
    }
  }

  get pending(): number {
    return this.#asks.size;
  }

  /** Stored requests, oldest first. */
  list(state: string | undefined): PermissionView[] {
    return this.#options.store.permissions(this.#options.key, state);
  }

  /** Receives a request of the agent. "hold" withholds it from clients, permanently or until the policy has decided. */
  ask(instance: AcpInstance, message: Message): "pass" | "hold" {
    const ask = this.#read(instance, message);
    const ruled = evaluateRules(this.#options.record().permissionRules ?? [], ask.view.toolCall);
    const policy = ruled === undefined || ruled === "ask" ? this.#options.policy : () => ruled;
    if (!policy) {
      this.#open(ask);
      return "pass";
    }
    this.#deciding.add(ask);
    this.#decide(policy, ask, message).catch((error: unknown) => {
      // No message may pass unrecorded: an agent whose messages cannot be stored is killed.
      const { agent } = this.#options.record();
      this.#options.logger.error("session log failed", { agent, cause: String(error) });
      instance.kill("session_log_failed");
    });
    return "hold";
  }

  /** A raw client has answered. The agent already has the answer. */
  answeredByAcp(message: Message): void {
    const isTarget = (item: OpenQuestion) => item.key === message.key;
    const deciding = [...this.#deciding].find(isTarget);
    if (deciding) this.#deciding.delete(deciding);
    const ask = [...this.#asks.values()].find(isTarget);
    if (!ask) return;
    const value: unknown = JSON.parse(message.raw);
    const result = isRecord(value) && isRecord(value.result) ? value.result : {};
    const outcome = isRecord(result.outcome) ? result.outcome : {};
    if (typeof outcome.optionId === "string") {
      this.#resolve(ask, "answered", { optionId: outcome.optionId, answeredBy: "acp" });
    } else this.#resolve(ask, "cancelled", { optionId: null });
  }

  /**
   * Answers the request `id`; idempotent. Throws `not_found`, `conflict` for a request with another outcome, and
   * `invalid_request` for an option that is not offered.
   */
  async answer(id: string, clientAnswer: PermissionAnswer): Promise<PermissionView> {
    const ask = this.#asks.get(id);
    const view = ask?.view ?? this.#options.store.permission(this.#options.key, id);
    if (!view)
      throw problem("not_found", 404, `there is no permission "${id}"`, {
        details: { id, resource: "permission" },
      });
    const optionId = findOption(view, clientAnswer);
    if (!ask) {
      const same = optionId === null ? view.state === "cancelled" : view.optionId === optionId;
      if (same && view.state !== "expired") return view;
      throw problem("conflict", 409, `the permission is ${view.state}`, { permission: view });
    }
    const state = optionId === null ? "cancelled" : "answered";
    await this.#settle(ask, state, optionId, optionId === null ? {} : { answeredBy: "client" });
    return ask.view;
  }

  /** Answers every open request with "cancelled". */
  async cancelAll(): Promise<void> {
    this.#deciding.clear();
    await Promise.all([...this.#asks.values()].map((ask) => this.#settle(ask, "cancelled", null, {})));
  }

  /** Cancels the open requests after an agent exited: those of one instance, or all. */
  onAgentExit(instance?: AcpInstance): void {
    const hasExited = (asker: AcpInstance) => instance === undefined || asker === instance;
    for (const ask of this.#deciding) if (hasExited(ask.instance)) this.#deciding.delete(ask);
    for (const ask of this.#asks.values())
      if (hasExited(ask.instance)) this.#resolve(ask, "cancelled", { optionId: null });
  }

  async #decide(policy: PermissionPolicy, ask: OpenQuestion, message: Message): Promise<void> {
    const { agent, cwd } = this.#options.record();
    const { toolCall, options, sessionId } = ask.view;
    const verdict = await this.#verdict(policy, { sessionId, agent, cwd, toolCall, options });
    if (!this.#deciding.delete(ask)) return;
    const optionId =
      verdict === "allow"
        ? byKind(options, "allow")
        : verdict === "deny"
          ? byKind(options, "reject")
          : undefined;
    if (verdict === "ask" || (verdict === "allow" && optionId === undefined)) {
      this.#open(ask);
      ask.instance.release(message.raw);
      return;
    }
    this.#asks.set(ask.view.id, ask);
    await this.#settle(ask, "answered", optionId ?? null, { answeredBy: "policy" });
  }

  async #verdict(
    policy: PermissionPolicy,
    request: Parameters<PermissionPolicy>[0],
  ): Promise<PermissionVerdict> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<PermissionVerdict>((resolve) => {
      timer = setTimeout(resolve, this.#options.limits.policyTimeoutMs, "ask");
    });
    try {
      return await Promise.race([Promise.resolve(policy(request)), patience]);
    } catch (error) {
      this.#options.logger.warn("permission policy failed, asking", { cause: String(error) });
      return "ask";
    } finally {
      clearTimeout(timer);
    }
  }

  #read(instance: AcpInstance, message: Message): OpenQuestion {
    const value: unknown = JSON.parse(message.raw);
    const params = isRecord(value) && isRecord(value.params) ? value.params : {};
    const options: readonly unknown[] = Array.isArray(params.options) ? params.options : [];
    const record = this.#options.record();
    const other = message.sessionId !== undefined && message.sessionId !== record.agentSessionId;
    const view: PermissionView = {
      id: randomUUID(),
      sessionId: record.id,
      state: "pending",
      toolCall: isRecord(params.toolCall) ? params.toolCall : {},
      options: options.flatMap(option),
      ...(other && message.sessionId !== undefined ? { agentSessionId: message.sessionId } : {}),
      createdAt: Date.now(),
    };
    return { view, instance, key: message.key ?? "", idText: message.idText ?? "null" };
  }

  #open(ask: OpenQuestion): void {
    const { limits, record } = this.#options;
    const timeoutMs = record().permissionTimeoutMs ?? limits.permissionTimeoutMs;
    if (timeoutMs > 0) {
      ask.view = { ...ask.view, expiresAt: Date.now() + timeoutMs };
      ask.timer = setTimeout(() => void this.#expire(ask), Math.min(timeoutMs, maxTimeoutMs));
      ask.timer.unref();
    }
    this.#asks.set(ask.view.id, ask);
    this.#store(ask.view);
  }

  async #expire(ask: OpenQuestion): Promise<void> {
    await this.#settle(ask, "expired", byKind(ask.view.options, "reject") ?? null, {});
  }

  /** Resolves the request before it answers the agent, so that a second answer finds it resolved. */
  async #settle(
    ask: OpenQuestion,
    state: PermissionState,
    optionId: string | null,
    more: Partial<PermissionView>,
  ): Promise<void> {
    if (!this.#asks.has(ask.view.id)) return;
    this.#resolve(ask, state, { ...more, optionId });
    const outcome = optionId === null ? { outcome: "cancelled" } : { outcome: "selected", optionId };
    await answerAgent(ask.instance, ask.idText, { result: { outcome } });
  }

  #resolve(ask: OpenQuestion, state: PermissionState, more: Partial<PermissionView>): void {
    clearTimeout(ask.timer);
    this.#asks.delete(ask.view.id);
    ask.view = { ...ask.view, ...more, state, resolvedAt: Date.now() };
    try {
      this.#store(ask.view);
    } catch (error) {
      // The answer remains valid. After a restart the request appears as "cancelled".
      this.#options.logger.error("permission outcome not stored", { cause: String(error) });
    }
  }

  #store(view: PermissionView): void {
    const { store, key, log } = this.#options;
    log.notice("permission", view, () => store.putPermission(key, view));
  }
}

/** True for a message by which an agent asks for a permission. */
export function isPermissionRequest(message: Message): boolean {
  return message.kind === "request" && message.method === "session/request_permission";
}

function findOption(view: PermissionView, given: PermissionAnswer): string | null {
  if ("cancel" in given) return null;
  const offered = view.options.map((item) => item.optionId);
  const optionId = "optionId" in given ? given.optionId : byReply(view.options, given.reply);
  if (optionId !== undefined && offered.includes(optionId)) return optionId;
  throw problem("invalid_request", 400, `the agent offers no such option`, { details: { offered } });
}

function byReply(
  options: readonly PermissionOption[],
  reply: "once" | "always" | "reject",
): string | undefined {
  if (reply === "reject") return byKind(options, "reject");
  if (reply === "once") return options.find((item) => item.kind === "allow_once")?.optionId;
  return options.find((item) => item.kind === "allow_always")?.optionId ?? byKind(options, "allow");
}

/** The one-time option of that kind, else the permanent one. */
function byKind(options: readonly PermissionOption[], kind: "allow" | "reject"): string | undefined {
  const once = options.find((item) => item.kind === `${kind}_once`);
  return (once ?? options.find((item) => item.kind === `${kind}_always`))?.optionId;
}

function option(value: unknown): PermissionOption[] {
  if (!isRecord(value) || typeof value.optionId !== "string") return [];
  const { optionId, name, kind } = value;
  return [
    {
      optionId,
      name: typeof name === "string" ? name : optionId,
      kind: typeof kind === "string" ? kind : "",
    },
  ];
}
