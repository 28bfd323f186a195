import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { DiffFile, RevertInput, ReviewCommentInput, ReviewView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import type { StudioApi } from "../shared/port.ts";
import { keepNewerReview } from "../shared/review/review-changes.ts";

function reviewQuery(api: StudioApi, taskId: string) {
  return queryOptions({
    queryKey: ["review", taskId],
    queryFn: () => api.task(taskId).review(),
    structuralSharing: (known, next) => keepNewerReview(known as ReviewView | undefined, next as ReviewView),
  });
}

/** A task's review, and its operations; what is sent goes to the session. `error` is that of the last operation, or of reading it. */
export function useReview(taskId: string, sessionId: string) {
  const api = useApi();
  const queries = useQueryClient();
  const { queryKey } = reviewQuery(api, taskId);
  const query = useQuery(reviewQuery(api, taskId));
  const reload = () => queries.invalidateQueries({ queryKey });
  const mark = useMutation({
    mutationFn: ({ file, viewed }: { readonly file: DiffFile; readonly viewed: boolean }) =>
      api
        .task(taskId)
        .markViewed([viewed ? { path: file.path, contentId: file.contentId } : { path: file.path }]),
    onMutate({ file, viewed }) {
      // The box reacts at once; the event of the server then says the same.
      queries.setQueryData<ReviewView>(queryKey, (known) => {
        if (known === undefined) return known;
        const others = known.viewed.filter(({ path }) => path !== file.path);
        const { path, contentId } = file;
        return { ...known, viewed: viewed ? [...others, { path, contentId }] : others };
      });
    },
    onError: reload,
  });
  const save = useMutation({
    mutationFn: (comment: ReviewCommentInput) => api.task(taskId).saveComment(comment),
    onSettled: reload,
  });
  const remove = useMutation({
    mutationFn: (id: string) => api.task(taskId).deleteComment(id),
    onSettled: reload,
  });
  const resolve = useMutation({
    mutationFn: ({ id, isResolved }: { readonly id: string; readonly isResolved: boolean }) =>
      api.task(taskId).resolveComment(id, isResolved),
    onSettled: reload,
  });
  // The files are others now, whether it worked or they had changed before.
  const reloadAll = () => Promise.all([reload(), queries.invalidateQueries({ queryKey: ["diff", taskId] })]);
  const revert = useMutation({
    mutationFn: (input: RevertInput) => api.task(taskId).revert(input),
    onSettled: reloadAll,
  });
  const undo = useMutation({
    mutationFn: (id: string) => api.task(taskId).undoRevert(id),
    onSettled: reloadAll,
  });
  const send = useMutation({
    mutationFn: (ids: readonly string[]) => api.task(taskId).sendReview(ids, { session: sessionId }),
    onSettled: reload,
  });
  return { query, mark, save, remove, resolve, revert, undo, send };
}

export type ReviewControls = ReturnType<typeof useReview>;
