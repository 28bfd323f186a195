import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Empty, ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { DiffFile, TaskSessionView, TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { DiffLines } from "../../shared/diff/diff-lines.tsx";
import { parsePatch } from "../../shared/diff/patch.ts";
import { attemptDiffQuery } from "./queries.ts";

/** The changes of one attempt, to be read. They are reviewed once it is kept. */
export function AttemptDiff({
  task,
  session,
}: {
  readonly task: TaskView;
  readonly session: TaskSessionView;
}) {
  const api = useApi();
  const query = useQuery(attemptDiffQuery(api, task.id, session));
  return (
    <section className="attempt-diff" aria-label={`Changes of ${visibleText(session.name)}`}>
      <h2>Changes of {visibleText(session.name)}</h2>
      {session.status === "preparing" && (
        <Empty title="No changes yet">The repository is being cloned.</Empty>
      )}
      {query.isError && <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />}
      {session.status !== "preparing" && query.isPending && <Loading label="Loading the changes" rows={4} />}
      {query.data?.files.length === 0 && <Empty title="No changes">The agent has changed no files.</Empty>}
      {query.data?.files.map((file) => (
        <File key={file.path} file={file} />
      ))}
      {query.data?.truncated === true && (
        <p className="muted">Some of the changes are too large to be shown.</p>
      )}
    </section>
  );
}

function File({ file }: { readonly file: DiffFile }) {
  const { path, additions, deletions, binary, patch } = file;
  const hunks = useMemo(() => parsePatch(patch), [patch]);
  return (
    <details className="attempt-file" open>
      <summary>
        <span className="mono">{visibleText(path)}</span>{" "}
        <span className="muted">{binary ? "binary" : `+${additions} −${deletions}`}</span>
      </summary>
      {hunks.length > 0 && <DiffLines hunks={hunks} label={`Change of ${visibleText(path)}`} />}
    </details>
  );
}
