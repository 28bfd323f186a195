import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { formatCount, formatDateTime } from "@holdfast/web-parts/format";
import type { AuditRecordView } from "../../../contract/administration.ts";
import { wordsOf } from "./record-words.ts";

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
  const { who, what, detail } = wordsOf(record);
  return (
    <li data-record={seq}>
      <details className="audit-record">
        <summary>
          <span className="audit-seq muted">{formatCount(seq)}</span>
          {hasNodes && <span className="audit-node muted">{visibleText(node ?? "")}</span>}
          <span className="audit-who">{visibleText(who)}</span>
          <span className="audit-words">
            {visibleText(what)} {detail !== "" && <span className="muted">{visibleText(detail)}</span>}
          </span>
          <code className="audit-type muted">{visibleText(type)}</code>
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
