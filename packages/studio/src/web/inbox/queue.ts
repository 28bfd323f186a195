import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { ApprovalQueue, ApprovalQueuePatch, SettledApproval } from "../../contract.ts";
import { useApi } from "../shared/context.ts";

const queryKey = ["approvals"];

export type ApprovalQueueQuery = ReturnType<typeof useApprovalQueue>;

/** An approval that has left the queue, with its title. */
export interface GoneApproval extends SettledApproval {
  readonly title: string;
}

/** The open approvals of all tasks, kept live while a component shows them, and what left them last. */
export function useApprovalQueue() {
  const api = useApi();
  const queries = useQueryClient();
  const query = useQuery({ queryKey, queryFn: () => api.attention.approvals() });
  const [gone, setGone] = useState<GoneApproval>();
  useEffect(
    () =>
      api.watchAttention({
        on: {
          approvalsChanged(patch) {
            const known = queries.getQueryData<ApprovalQueue>(queryKey);
            if (known !== undefined && patch.revision <= known.revision) return;
            const { removed } = patch;
            const left = known?.approvals.find(({ approval }) => approval.id === removed?.approvalId);
            if (removed !== undefined && left !== undefined)
              setGone({ ...removed, title: left.approval.title });
            const next = known && applyQueuePatch(known, patch);
            if (next === undefined) void refetchActive(queries, queryKey);
            else queries.setQueryData<ApprovalQueue>(queryKey, next);
          },
        },
        onState(next) {
          if (next === "online") void refetchActive(queries, queryKey);
        },
      }),
    [api, queries],
  );
  return { ...query, gone };
}

/** The queue after a patch; undefined if a patch is missing, or more approvals fit into an answer now. */
export function applyQueuePatch(
  queue: ApprovalQueue,
  { revision, added, removed, total }: ApprovalQueuePatch,
): ApprovalQueue | undefined {
  if (revision !== queue.revision + 1) return undefined;
  const isComplete = queue.approvals.length === queue.total;
  const kept = queue.approvals.filter(
    ({ task, approval }) => task.id !== removed?.taskId || approval.id !== removed.approvalId,
  );
  const approvals = added !== undefined && isComplete ? [...kept, added] : kept;
  if (!isComplete && approvals.length < queue.approvals.length) return undefined;
  return { approvals, total, revision };
}
