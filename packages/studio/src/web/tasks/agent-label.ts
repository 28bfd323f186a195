import type { TaskSummary } from "../../contract.ts";

/** The agent of a task, and how many attempts or sessions it has if there are several. */
export function agentLabel({ agent, attempts, openSessions }: TaskSummary): string {
  if (attempts !== undefined) return `${agent}, ${attempts} attempts`;
  return openSessions === undefined ? agent : `${agent}, ${openSessions} sessions`;
}
