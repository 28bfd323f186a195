import { HoldfastError } from "@holdfast/core";
import type { SandboxAgent, SessionPermissionRequest } from "@holdfast/sandbox-client";
import { asRecord, textField } from "../chat/json.ts";
import type { AgentOptions, PermissionDecision } from "../options.ts";
import type { Approval, Approvals } from "../store/approvals.ts";
import type { ChatContext } from "./context.ts";

/** `once`, `always` or `reject`, or one of the options that the agent offers. */
export type ApprovalReply = "once" | "always" | "reject" | { readonly optionId: string };

const kindsOf = {
  once: ["allow_once"],
  always: ["allow_always", "allow_once"],
  reject: ["reject_once", "reject_always"],
} as const;

interface Question {
  readonly request: SessionPermissionRequest;
  readonly client: SandboxAgent;
}

/** The running turn, as far as questions change its stream. */
export interface AskingTurn {
  readonly id: string;
  requestApproval(approval: Approval): void;
  answerApproval(approval: Approval): void;
}

/** Questions of permission of the running turn: asked of the policy, then of clients, and answered once. */
export class Questions {
  readonly #c: ChatContext;
  readonly #policy: AgentOptions["permissions"];
  readonly #approvals: Approvals;
  readonly #open = new Map<string, Question>();

  constructor(c: ChatContext, policy: AgentOptions["permissions"], approvals: Approvals) {
    this.#c = c;
    this.#policy = policy;
    this.#approvals = approvals;
  }

  async ask(
    id: string,
    turn: AskingTurn,
    client: SandboxAgent,
    request: SessionPermissionRequest,
  ): Promise<void> {
    const approval = approvalOf(id, turn.id, request);
    const decision = await this.#decide(approval);
    // An agent may offer no such answer: then a person is asked.
    const option =
      decision === "ask" ? undefined : optionFor(approval, decision === "allow" ? "once" : "reject");
    if (option !== undefined) {
      await select(client, request, option.optionId);
      return;
    }
    this.#open.set(id, { request, client });
    await this.#approvals.add(approval);
    turn.requestApproval(approval);
    this.#c.broadcast("approval", approval);
  }

  /** Throws `agent.unknown_approval`, `agent.approval_settled`, `agent.unsupported_reply`. */
  async answer(id: string, reply: ApprovalReply, turn: AskingTurn | undefined): Promise<Approval> {
    const approval = this.#approvals.get(id);
    const option = optionFor(approval, reply);
    if (option === undefined) {
      const offered = approval.options.map(({ optionId }) => optionId).join(", ");
      const message = `The agent offers no such answer; it offers ${offered}`;
      throw new HoldfastError("agent", "unsupported_reply", message, { statusCode: 400 });
    }
    if (approval.state === "answered" && approval.optionId === option.optionId) return approval;
    const question = this.#open.get(id);
    if (approval.state !== "pending" || question === undefined) {
      const message = `The question was settled before: it is ${approval.state}`;
      throw new HoldfastError("agent", "approval_settled", message, { statusCode: 409 });
    }
    this.#open.delete(id);
    const approved = option.kind.startsWith("allow");
    const answered = await this.#settle(approval, { state: "answered", optionId: option.optionId, approved });
    turn?.answerApproval(answered);
    await this.#c.saveState();
    await select(question.client, question.request, option.optionId);
    return answered;
  }

  /** Settles what nobody has answered. */
  async close(turn: string, state: "cancelled" | "expired"): Promise<void> {
    this.#open.clear();
    for (const approval of this.#approvals.ofTurn(turn))
      if (approval.state === "pending") await this.#settle(approval, { state });
  }

  async #settle(approval: Approval, change: Partial<Approval>): Promise<Approval> {
    const settled = { ...approval, ...change, resolvedAt: Date.now() };
    await this.#approvals.update(settled);
    this.#c.broadcast("approval", settled);
    return settled;
  }

  async #decide(approval: Approval): Promise<PermissionDecision> {
    if (this.#policy === undefined) return "ask";
    if (typeof this.#policy !== "function") return this.#policy;
    try {
      return await this.#policy(approval);
    } catch (error) {
      this.#c.log.error("the policy of an agent failed", { cause: String(error) });
      return "ask";
    }
  }
}

async function select(
  client: SandboxAgent,
  request: SessionPermissionRequest,
  optionId: string,
): Promise<void> {
  await client.rawRespondPermission(request.id, { outcome: { outcome: "selected", optionId } });
}

function optionFor({ options }: Approval, reply: ApprovalReply): Approval["options"][number] | undefined {
  if (typeof reply === "object" && reply !== null)
    return options.find(({ optionId }) => optionId === reply.optionId);
  const kinds: readonly string[] = Object.hasOwn(kindsOf, reply) ? kindsOf[reply] : [];
  return kinds.flatMap((kind) => options.find((option) => option.kind === kind) ?? [])[0];
}

function approvalOf(id: string, turn: string, request: SessionPermissionRequest): Approval {
  const call = asRecord(request.toolCall);
  return {
    ...{ id, turn, state: "pending" },
    toolCallId: textField(call, "toolCallId") ?? id,
    title: textField(call, "title") ?? "Permission",
    kind: textField(call, "kind") ?? "other",
    input: call.rawInput ?? null,
    options: request.options,
    createdAt: request.createdAt,
  };
}
