/** Small parts of several screens. */
import type { Reviewer, Status } from "../review.ts";

const words: Readonly<Record<Status | Reviewer["status"], string>> = {
  draft: "Draft",
  reading: "Being read",
  review: "In review",
  changes: "Changes asked for",
  approved: "Approved",
  rejected: "Rejected",
  withdrawn: "Withdrawn",
  waiting: "Not asked yet",
  asked: "Asked",
  overdue: "Overdue",
};

export function Badge({ status }: { status: Status | Reviewer["status"] }) {
  return (
    <span className="badge" data-status={status}>
      {words[status]}
    </span>
  );
}

export function Time({ at }: { at: number }) {
  const date = new Date(at);
  const shown = date.toLocaleString("en-GB", {
    ...{ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  });
  return <time dateTime={date.toISOString()}>{shown}</time>;
}

export function Lost({ isLost }: { isLost: boolean }) {
  if (!isLost) return null;
  return (
    <p role="status" className="banner">
      The connection is lost. What you have sent is kept; this page follows when it is back.
    </p>
  );
}
