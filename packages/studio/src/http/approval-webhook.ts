import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import type { ApprovalHook } from "../approvals/approval-hooks.ts";
import { verifyWebhook } from "../groups/webhook-secret.ts";
import { isAgentQuestion } from "../work/approver.ts";
import { readBody } from "./read-body.ts";
import type { WebhookRoute } from "./webhooks.ts";

const maxBodyBytes = 4_096;

interface DecisionBody {
  readonly approval: string;
  readonly answer: "allow" | "deny";
}

/**
 * `POST /approvals/NAME`: an answer to a question of the gate, authenticated by the hook's secret. The signed body
 * contains the question's id, so that a replayed or redirected answer has no effect. Throws
 * `approval.webhook_refused`, `.not_found`, `.not_pending`.
 */
export function createApprovalWebhook(gate: Gate, hooks: readonly ApprovalHook[]): WebhookRoute {
  return async (path, request, response) => {
    const [, , name = "", ...rest] = path.split("/");
    if (request.method !== "POST" || rest.length > 0)
      throw new HoldfastError("gateway", "method_not_allowed", "Use POST on /approvals/NAME");
    const body = await readBody(request, maxBodyBytes);
    await authenticate(gate, hooks, name, request, body);
    const { approval, answer } = parseAnswer(body);
    const question = await gate.approvals.get(approval);
    // Questions of an agent are answered in the Studio only, where its work is visible.
    if (question === undefined || isAgentQuestion(question))
      throw new HoldfastError("approval", "not_found", "There is no such question", { statusCode: 404 });
    const by = `webhook:${name}`;
    const { state, session } = await gate.approvals.decide(approval, answer, by);
    await gate.audit.note({ type: "approval.answered", session, data: { approval, answer, by } });
    respond(response, { approval, state });
  };
}

/** Throws `approval.webhook_refused`, equally for an unknown hook and a wrong secret. */
async function authenticate(
  gate: Gate,
  hooks: readonly ApprovalHook[],
  name: string,
  request: IncomingMessage,
  body: Buffer,
): Promise<void> {
  const hook = hooks.find((each) => each.name === name);
  const secret =
    hook === undefined ? undefined : await gate.vault.readSecret({ name: hook.secret, owner: {} });
  const { authorization } = request.headers;
  const signature = request.headers["x-hub-signature-256"];
  const headers = {
    contentType: "application/json",
    ...(authorization === undefined ? {} : { authorization }),
    ...(typeof signature === "string" ? { signature } : {}),
  };
  if (verifyWebhook(secret, headers, body)) return;
  const message =
    "The webhook does not exist, or the request does not prove that it knows the webhook's secret";
  throw new HoldfastError("approval", "webhook_refused", message, { statusCode: 401 });
}

function parseAnswer(body: Buffer): DecisionBody {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    const { approval, answer, ...others }: Record<string, unknown> = { ...Object(value) };
    const isExact = Object.keys(others).length === 0;
    if (isExact && typeof approval === "string" && (answer === "allow" || answer === "deny"))
      return { approval, answer };
  } catch {
    // Invalid JSON is reported below, like any other invalid body.
  }
  const message = 'The body must be {"approval": "...", "answer": "allow" or "deny"}';
  throw new HoldfastError("message", "invalid", message, { statusCode: 400 });
}

function respond(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(value));
}
