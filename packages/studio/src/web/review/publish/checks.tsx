import { ChevronIcon } from "@holdfast/web-parts";
import type { PullRequestDetails } from "../../../contract.ts";

type Check = PullRequestDetails["checkList"][number];

const labels = {
  running: "running",
  success: "passed",
  failure: "failed",
  cancelled: "cancelled",
  skipped: "skipped",
} as const satisfies Readonly<Record<Check["status"], string>>;

const summaries = {
  running: "Checks are running",
  success: "All checks passed",
  failure: "Checks failed",
} as const;

/** The checks of the newest commit; open when one has failed. */
export function Checks({
  checks,
  summary,
}: {
  readonly checks: readonly Check[];
  readonly summary: PullRequestDetails["checks"];
}) {
  if (summary === "none") return null;
  const failed = checks.filter(({ status }) => status === "failure" || status === "cancelled").length;
  const count = summary === "failure" ? `${failed} of ${checks.length}` : String(checks.length);
  return (
    <details className="pull-part" open={summary === "failure"}>
      <summary data-checks={summary}>
        <ChevronIcon />
        {summaries[summary]} <span className="muted">({count})</span>
      </summary>
      <ul>
        {checks.map(({ id, name, status, webUrl }) => (
          <li key={`${id}/${name}`} data-check={status}>
            <span className="pull-check">{labels[status]}</span>
            {webUrl !== undefined && /^https?:/.test(webUrl) ? (
              <a href={webUrl} target="_blank" rel="noreferrer">
                {name}
              </a>
            ) : (
              <span>{name}</span>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
