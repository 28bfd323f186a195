import { HoldfastError } from "@holdfast/core";
import { readBody } from "./read-body.ts";
import type { WebhookRoute } from "./webhooks.ts";

const maxBodyBytes = 4_096;

/** Answers the approval of a token. Throws `notification.invalid_token`, `auth.forbidden`, and what the task throws. */
export type AnswerApproval = (token: unknown, isAllowed: boolean) => Promise<{ readonly taskId: string }>;

/**
 * `POST /notifications/answer`: an answer from a notification, authenticated by its token, so that it works where the
 * login of the browser has expired. Throws `message.invalid` and what {@link AnswerApproval} throws.
 */
export function createNotificationAnswer(answerApproval: AnswerApproval): WebhookRoute {
  return async (_path, request, response) => {
    // CSRF protection: a foreign page's form cannot send this type without a preflight.
    if (!/^application\/json\b/.test(request.headers["content-type"] ?? ""))
      throw new HoldfastError("message", "invalid", "The body must be JSON", { statusCode: 415 });
    const { token, answer } = parse(await readBody(request, maxBodyBytes));
    const { taskId } = await answerApproval(token, answer === "allow");
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify({ task: taskId }));
  };
}

function parse(body: Buffer): { readonly token: string; readonly answer: "allow" | "deny" } {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    const { token, answer }: Record<string, unknown> = { ...Object(value) };
    if (typeof token === "string" && (answer === "allow" || answer === "deny")) return { token, answer };
  } catch {
    // Invalid JSON is reported below, like any other invalid body.
  }
  const message = 'The body must be {"token": "...", "answer": "allow" or "deny"}';
  throw new HoldfastError("message", "invalid", message, { statusCode: 400 });
}
