import { Empty, ErrorNotice, Loading, Status, type StatusKind, TimeAgo } from "@holdfast/web-parts";
import { UnsafeMark } from "../shared/status.tsx";

const kinds: Readonly<Record<StatusKind, string>> = {
  running: "Works",
  preparing: "Prepares",
  waiting: "Needs you",
  idle: "Done",
  stopped: "Stopped",
  failed: "Failed",
};

/** What every list and every page has: empty, reading, failed. */
export function States() {
  return (
    <>
      <div className="design-row">
        {Object.entries(kinds).map(([kind, label]) => (
          <Status key={kind} kind={kind as StatusKind} label={label} />
        ))}
        <span className="tag">tag</span>
        <span className="tag tag-attention">2 unread</span>
        <UnsafeMark />
        <TimeAgo at={Date.now() - 90_000} />
      </div>
      <div className="design-columns">
        <Empty title="Nothing is here yet">Empty says how to begin.</Empty>
        <Loading label="Reading" />
        <div>
          <ErrorNotice error={new Error("The disk is full.")} onRetry={() => {}} />
          <p className="notice notice-warning">A warning says what it leads to.</p>
        </div>
      </div>
    </>
  );
}
