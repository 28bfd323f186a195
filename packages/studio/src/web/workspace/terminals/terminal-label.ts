import type { ProcessInfo } from "@holdfast/sandbox-client";

/** Name of a terminal by its position among those of the task. */
export function terminalLabel({ status }: Pick<ProcessInfo, "status">, index: number): string {
  return status === "running" ? `Terminal ${index + 1}` : `Terminal ${index + 1} (ended)`;
}
