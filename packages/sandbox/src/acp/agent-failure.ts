/** Errors that the server answers with in place of an agent. */
import { HoldfastError } from "@holdfast/core";

/** How an agent ended, as the error data of a request. */
export interface AgentEnd {
  readonly reason: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly agentStderr: string;
}

export function endText({ exitCode, signal }: AgentEnd): string {
  return `The agent exited ${signal === null ? `with code ${exitCode}` : `by ${signal}`}`;
}

/** Thrown when a process ends during the replay of the handshake. */
export class AgentEndedError extends HoldfastError {
  readonly data: Readonly<Record<string, unknown>>;

  constructor(agent: string, end: AgentEnd) {
    const { reason, exitCode, agentStderr: stderr } = end;
    const metadata = { agent, reason, details: { exitCode, stderr } };
    super("sandbox", "agent_process_exited", endText(end), { statusCode: 500, metadata });
    this.data = { ...end };
  }
}

/** Reason codes and messages of answers that the server gives itself. */
export const refusals = {
  full: ["agent_input_full", "The agent does not read its input"],
  broken: ["agent_input_closed", "The agent has closed its input"],
  unseen: ["session_log_failed", "The session's log could not be written, so the agent was ended"],
} as const;
