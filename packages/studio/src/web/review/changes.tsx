/** Review of a task's changes: checks, the diff, Apply and Publish. Does not import the room of the task that shows it. */
import "./review.css";
import "../shared/diff/diff.css";
import { appPart, Empty, ErrorNotice, Loading, RefreshIcon } from "@holdfast/web-parts";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import type { DiffCompare, DiffFile, TaskView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { isBusy } from "../shared/status.tsx";
import { Apply } from "./apply.tsx";
import type { FocusedCheck, Place } from "./checks/place.ts";
import { CompareSelect } from "./compare/compare-select.tsx";
import { diffQuery } from "./diff-query.ts";
import { Counts } from "./files/file-marks.tsx";
import { Publish } from "./publish/publish.tsx";

/** Loaded with the first changes that are shown. */
const Files = lazy(
  appPart(async () => {
    const part = await import("./compare/compared-files.tsx");
    return { default: part.ComparedFiles };
  }),
);
const Checks = lazy(
  appPart(async () => {
    const part = await import("./checks/checks.tsx");
    return { default: part.Checks };
  }),
);

/** The changes since the task began, file by file, and the form to apply them. */
export function Changes({
  task,
  check,
  onOpenFile,
}: {
  readonly task: TaskView;
  /** A check to show; each object is shown once. */
  readonly check: FocusedCheck | undefined;
  /** Opens a file in the editor. */
  readonly onOpenFile: (place: Place) => void;
}) {
  const api = useApi();
  const queries = useQueryClient();
  const ready = task.status !== "preparing";
  const [compare, setCompare] = useState<DiffCompare>({ kind: "base" });
  const [place, setPlace] = useState<Place>();
  const query = useQuery({ ...diffQuery(api, task.id), enabled: ready });
  const none = query.data !== undefined && query.data.files.length === 0;
  // Data read before the agent stopped does not include its last changes.
  const settling = none && query.isFetching && !isBusy(task.status);
  const showPlace = (next: Place) => {
    const isChanged = query.data?.files.some(({ path }) => path === next.path) === true;
    if (!isChanged) return false;
    setCompare({ kind: "base" });
    setPlace(next);
    return true;
  };
  return (
    <div className="changes">
      <div className="changes-head">
        <h2>Changes</h2>
        {query.data !== undefined && query.data.files.length > 0 && <Totals files={query.data.files} />}
        {query.data !== undefined && query.data.files.length > 0 && (
          <CompareSelect taskId={task.id} compare={compare} onCompare={setCompare} />
        )}
        <button
          type="button"
          className="icon-button"
          aria-label="Reload changes"
          title="Reload changes"
          disabled={!ready || query.isFetching}
          onClick={() => void queries.invalidateQueries({ queryKey: ["diff", task.id] })}
        >
          <RefreshIcon />
        </button>
      </div>
      {!ready && <Empty title="No changes yet">The repository is being cloned.</Empty>}
      {((ready && query.isPending) || settling) && <Loading label="Loading the changes" rows={4} />}
      {query.isError && (
        <ErrorNotice
          error={query.error}
          title="The changes could not be loaded."
          onRetry={() => void query.refetch()}
        />
      )}
      {none && !settling && (
        <Empty title="No changes">
          {isBusy(task.status) ? "The agent has not changed any files yet." : "The agent changed no files."}
        </Empty>
      )}
      {ready && (
        <Suspense fallback={null}>
          <Checks task={task} focused={check} onShow={showPlace} onOpenFile={onOpenFile} />
        </Suspense>
      )}
      {query.data !== undefined && query.data.files.length > 0 && (
        <>
          <Publish task={task} />
          <Apply task={task} files={query.data.files} />
          <Suspense fallback={<Loading label="Loading the changes" rows={4} />}>
            <Files task={task} all={query.data} compare={compare} place={place} />
          </Suspense>
        </>
      )}
    </div>
  );
}

function Totals({ files }: { readonly files: readonly DiffFile[] }) {
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  return (
    <p className="changes-totals">
      <span className="muted">
        {files.length} {files.length === 1 ? "file" : "files"}
      </span>
      <Counts additions={additions} deletions={deletions} />
    </p>
  );
}
