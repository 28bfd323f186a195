/** What the changes are compared with: the choice of a person, and what it means for the files that are shown. */
import { createContext, useContext } from "react";
import type { DiffCompare, DiffView } from "../../../contract.ts";

/** The diff that is shown. */
export interface DiffSource {
  readonly taskId: string;
  readonly diff: Pick<DiffView, "base" | "tree">;
  readonly compare: DiffCompare;
  /** True while the agent changes files. */
  readonly isBusy: boolean;
}

const Context = createContext<DiffSource | undefined>(undefined);

export const DiffSourceProvider = Context.Provider;

export function useDiffSource(): DiffSource {
  const source = useContext(Context);
  if (source === undefined) throw new Error("A file of a diff is shown outside of one");
  return source;
}

/** A commit is history: nothing of it can be commented on or reverted. */
export function isHistory({ kind }: DiffCompare): boolean {
  return kind === "commit";
}

export function compareKey(compare: DiffCompare): string {
  return compare.kind === "commit" ? compare.commit : compare.kind;
}
