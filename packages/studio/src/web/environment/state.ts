import type { StatusKind } from "@holdfast/web-parts";
import type { RepositoryEnvironment } from "../../contract.ts";

/** State of an environment, for people. */
export function stateOf(found: RepositoryEnvironment): { readonly kind: StatusKind; readonly label: string } {
  if (found.problem !== undefined) return { kind: "failed", label: "File not valid" };
  if (found.latest?.status === "preparing") return { kind: "preparing", label: "Being prepared" };
  if (found.isPrepared === true) return { kind: "idle", label: "Prepared" };
  if (found.latest?.status === "failed") return { kind: "failed", label: "Failed" };
  return { kind: "stopped", label: "Not prepared yet" };
}
