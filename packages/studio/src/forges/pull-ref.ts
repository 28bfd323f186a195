import type { ForgeKind } from "./forge.ts";

/** The reference under which a repository has the head of a pull request, also one of a fork. */
export function pullRefOf(kind: ForgeKind, number: number): string {
  return kind === "gitlab" ? `refs/merge-requests/${number}/head` : `refs/pull/${number}/head`;
}
