import { HoldfastError } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import { takeAnswerToken } from "./answer-tokens.ts";
import { type DeliveryContext, personOf, standingOf } from "./deliver.ts";
import type { NotificationPort } from "./port.ts";

/**
 * Answers an approval for the person, by the token of a notification. Throws `notification.invalid_token`,
 * `auth.forbidden`, and what the task throws. The token is used up in any case.
 */
export async function answerByToken(
  c: DeliveryContext,
  { port, now }: { readonly port: () => NotificationPort; readonly now: () => number },
  audit: (entry: AuditEntry) => Promise<void>,
  hash: string,
  isAllowed: boolean,
): Promise<{ readonly taskId: string }> {
  const person = personOf(c);
  const { taskId, approvalId } = await takeAnswerToken(c.db, hash, now());
  const { mayAnswer, name } = await standingOf(port(), c);
  if (!mayAnswer) {
    const message = "Your role in the organization does not allow to answer approvals any more";
    throw new HoldfastError("auth", "forbidden", message);
  }
  const who = { person, ...(name === undefined ? {} : { name }) };
  const data = { ...who, action: "task.answer", key: taskId, via: "notification" };
  await audit({ type: "person.action", session: taskId, data });
  const by = { person, ...(name === undefined ? {} : { startedBy: { id: person, name } }) };
  const call = { name: "internal.answerFor", args: [approvalId, isAllowed, by] };
  await c.client().get("task", [taskId]).action(call);
  return { taskId };
}
