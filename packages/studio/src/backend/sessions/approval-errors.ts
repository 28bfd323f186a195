import { HoldfastError } from "@holdfast/core";
import type { ApprovalView } from "../../contract.ts";
import type { TaskSession } from "../task-state.ts";

export function unknownApproval(session: TaskSession, approvalId: string): HoldfastError {
  return session.settled.includes(approvalId)
    ? alreadySettled(session, approvalId)
    : new HoldfastError("approval", "not_found", "There is no such question", { statusCode: 404 });
}

/**
 * The error for an answer that nothing waits for. An answer is never saved for a restarted agent, which may act
 * differently before it asks the same question again; the person who answered has not seen that.
 */
export function undeliverableAnswer(session: TaskSession, { id, boundary }: ApprovalView): HoldfastError {
  if (boundary !== undefined) return alreadySettled(session, id);
  const message =
    "The agent that asked this is no longer running, so the answer was not delivered. " +
    "It will ask again if it still needs an answer.";
  return new HoldfastError("approval", "agent_gone", message, { statusCode: 409 });
}

export function alreadySettled({ answers }: TaskSession, approvalId: string): HoldfastError {
  const answer = answers?.[approvalId];
  if (answer === undefined) {
    const message =
      "This question is closed: it was answered, it expired, or the agent that asked has ended. " +
      "An agent that still needs an answer asks again.";
    return new HoldfastError("approval", "already_settled", message, { statusCode: 409 });
  }
  const { name = "The operator", option } = answer;
  const message = `${name} has already answered this question: ${option}`;
  return new HoldfastError("approval", "already_settled", message, {
    statusCode: 409,
    metadata: { answer: { ...answer } },
  });
}

export function optionNotOffered(): HoldfastError {
  const message = "The agent did not offer this answer";
  return new HoldfastError("approval", "invalid_option", message, { statusCode: 400 });
}
