import { Empty, ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import type { DiffCompare, DiffView, TaskView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import type { Place } from "../checks/place.ts";
import { diffQuery } from "../diff-query.ts";
import { Files } from "../files/files.tsx";

/** The changed files in the comparison that a person has chosen. */
export function ComparedFiles({
  task,
  all,
  compare,
  place,
}: {
  readonly task: TaskView;
  /** Compared with the base. */
  readonly all: DiffView;
  readonly compare: DiffCompare;
  /** A line to show; each object is shown once. */
  readonly place: Place | undefined;
}) {
  const api = useApi();
  const isBase = compare.kind === "base";
  const query = useQuery({ ...diffQuery(api, task.id, compare), enabled: !isBase });
  const diff = isBase ? all : query.data;
  if (diff === undefined)
    return query.isError ? (
      <ErrorNotice
        error={query.error}
        title="This comparison could not be loaded."
        onRetry={() => void query.refetch()}
      />
    ) : (
      <Loading label="Loading the changes" rows={4} />
    );
  if (diff.files.length === 0)
    return <Empty title="No changes here">Choose All changes to see everything since the task began.</Empty>;
  return <Files task={task} diff={diff} compare={compare} place={place} />;
}
