import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { formatCount, formatDateTime } from "@holdfast/web-parts/format";
import { Link } from "@tanstack/react-router";
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
  const { seq, at, type, session, jailId, node, task, data, hash } = record;
  const { who, what, detail } = wordsOf(record);
  return (
    <li data-record={seq}>
      <details className="audit-record">
        <summary>
          <span className="audit-seq muted">{formatCount(seq)}</span>
          {hasNodes && <span className="audit-node muted">{visibleText(node ?? "")}</span>}
          <span className="audit-who">{visibleText(who)}</span>
          <span className="audit-words">
            {visibleText(what)} {detail !== "" && <span className="muted">{visibleText(detail)} </span>}
            {task !== undefined && <span className="audit-task muted">{visibleText(task.title)}</span>}
          </span>
          <code className="audit-type muted">{visibleText(type)}</code>
          <time className="muted" dateTime={new Date(at).toISOString()}>
            {formatDateTime(at)}
          </time>
        </summary>
        {task !== undefined && (
          <p className="audit-record-task">
            Task:{" "}
            <Link to="/tasks/$taskId" params={{ taskId: task.id }}>
              {visibleText(task.title)}
            </Link>
          </p>
        )}
        <pre className="audit-data">
          {visibleText(JSON.stringify({ session, jailId, node, data, hash }, null, 2))}
        </pre>
      </details>
    </li>
  );
}
