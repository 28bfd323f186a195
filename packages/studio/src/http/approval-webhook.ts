import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import type { ApprovalHook } from "../approvals/approval-hooks.ts";
import { verifyWebhook } from "../groups/webhook-secret.ts";
import { isAgentQuestion } from "../work/approver.ts";
import { readBody } from "./read-body.ts";
import type { WebhookRoute } from "./webhooks.ts";

const maxBodyBytes = 4_096;

interface Answer {
  readonly approval: string;
  readonly answer: "allow" | "deny";
}

/**
 * `POST /approvals/NAME`: the answer to a question of the gate, from whoever has the secret of the hook.
 * The id of the question is in the body, under the signature: an answer that is sent again, or to
 * another question, does nothing. Throws `approval.webhook_refused`, `.not_found`, `.not_pending`.
 */
export function createApprovalWebhook(gate: Gate, hooks: readonly ApprovalHook[]): WebhookRoute {
  return async (path, request, response) => {
    const [, , name = "", ...rest] = path.split("/");
    if (request.method !== "POST" || rest.length > 0)
      throw new HoldfastError("gateway", "method_not_allowed", "Only POST to /approvals/NAME is possible");
    const body = await readBody(request, maxBodyBytes);
    await prove(gate, hooks, name, request, body);
    const { approval, answer } = parseAnswer(body);
    const known = gate.approvals.get(approval);
    // What an agent asks about its own work is answered in the Studio, where that work is seen.
    if (known === undefined || isAgentQuestion(known))
      throw new HoldfastError("approval", "not_found", "There is no such question", { statusCode: 404 });
    const by = `webhook:${name}`;
    const { state, session } = await gate.approvals.decide(approval, answer, by);
    await gate.audit.note({ type: "approval.answered", session, data: { approval, answer, by } });
    end(response, { approval, state });
  };
}

/** Throws `approval.webhook_refused` for an unknown hook as for a wrong secret. */
async function prove(
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
  const message = "There is no such webhook, or the request does not carry its secret";
  throw new HoldfastError("approval", "webhook_refused", message, { statusCode: 401 });
}

function parseAnswer(body: Buffer): Answer {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    const { approval, answer, ...others }: Record<string, unknown> = { ...Object(value) };
    const whole = Object.keys(others).length === 0;
    if (whole && typeof approval === "string" && (answer === "allow" || answer === "deny"))
      return { approval, answer };
  } catch {
    // Answered below, like every other body that is no answer.
  }
  const message = 'The body must be {"approval": "...", "answer": "allow" or "deny"}';
  throw new HoldfastError("message", "invalid", message, { statusCode: 400 });
}

function end(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(value));
}
