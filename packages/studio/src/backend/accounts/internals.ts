import { forgetTask, keepOpened } from "../forks/opened-items.ts";
import type { RepositoryForge } from "./links.ts";
import { type ForgeReports, forgeOf, type ReportContext } from "./report.ts";

/** Internal actions of a repository about people at its forge, and what was started for them. */
export function forgeInternals(reports: ForgeReports) {
  return {
    opened: (c: ReportContext, kind: "pull-request" | "issue", number: number, task: string): Promise<void> =>
      keepOpened(c.db, kind, number, task),

    forgetTask: (c: ReportContext, task: string): Promise<void> => forgetTask(c.db, task),

    readTeams: (c: ReportContext): Promise<void> => reports.readTeams(c),

    /** The forge whose accounts people of the repository have; null for one without a forge. */
    forge: ({ state: { source } }: ReportContext): RepositoryForge | null =>
      source.kind === "forge" ? forgeOf(source) : null,

    hasComment: (c: ReportContext, wanted: Parameters<ForgeReports["hasComment"]>[1]): Promise<boolean> =>
      reports.hasComment(c, wanted),
  };
}
