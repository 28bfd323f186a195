import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { formatCount, formatDateTime } from "@holdfast/web-parts/format";
import type { AuditRecordView } from "../../../contract/administration.ts";

/** The fields of a record that say most, in this order. */
const telling = [
  "action",
  "route",
  "name",
  "person",
  "email",
  "decision",
  "tool",
  "rule",
  "method",
  "host",
  "path",
];

/** A record in one line, with everything of it when it is opened. */
export function Record({
  record,
  hasNodes,
}: {
  readonly record: AuditRecordView;
  /** True if there are records of several nodes. */
  readonly hasNodes: boolean;
}) {
  const { seq, at, type, session, jailId, node, data, hash } = record;
  return (
    <li data-record={seq}>
      <details className="audit-record">
        <summary>
          <span className="audit-seq muted">{formatCount(seq)}</span>
          {hasNodes && <span className="audit-node muted">{visibleText(node ?? "")}</span>}
          <span className="audit-type">{visibleText(type)}</span>
          <span className="audit-words">{visibleText(wordsOf(data))}</span>
          <time className="muted" dateTime={new Date(at).toISOString()}>
            {formatDateTime(at)}
          </time>
        </summary>
        <pre className="audit-data">
          {visibleText(JSON.stringify({ session, jailId, node, data, hash }, null, 2))}
        </pre>
      </details>
    </li>
  );
}

function wordsOf(data: AuditRecordView["data"]): string {
  if (data === undefined) return "";
  return telling
    .flatMap((name) => {
      const value = data[name];
      return typeof value === "string" && value !== "" ? [value] : [];
    })
    .slice(0, 4)
    .join(" · ")
    .slice(0, 200);
}
