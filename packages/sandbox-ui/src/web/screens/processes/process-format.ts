/** Processes, their logs and terminals. */
import type { StatusKind } from "@holdfast/web-parts";
import type { Process } from "../../api/types.ts";

/** Quotes the command and its arguments as they would be typed in a shell. */
export function formatCommand({ command, args }: Pick<Process, "command" | "args">): string {
  return [command, ...args].map(quote).join(" ");
}

function quote(part: string): string {
  return /^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`;
}

export function describeState(process: Process): { readonly kind: StatusKind; readonly label: string } {
  if (process.status === "running") return { kind: "running", label: "Running" };
  if (typeof process.restartAtMs === "number") return { kind: "preparing", label: "Waiting to restart" };
  if (process.exitCode === 0) return { kind: "idle", label: "Exited" };
  if (typeof process.exitCode === "number")
    return { kind: "failed", label: `Exited with ${process.exitCode}` };
  return { kind: "stopped", label: "Terminated by a signal" };
}
