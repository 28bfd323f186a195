import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { PublicationView, PublishInput } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import type { StudioApi } from "../../shared/port.ts";
import { keepNewerPublication } from "../../shared/queries.ts";
import { requireDone } from "../../shared/task-list/outcomes.ts";

export function publicationQuery(api: StudioApi, taskId: string) {
  return queryOptions({
    queryKey: ["publication", taskId],
    queryFn: () => api.task(taskId).publication(),
    // Events report the pull request. A repository may have been connected in between.
    refetchOnWindowFocus: "always",
    structuralSharing: (known, next) =>
      keepNewerPublication(known as PublicationView | undefined, next as PublicationView),
  });
}

/** Names to choose from in a form. Without them, names are typed. */
export function usePublishChoices(taskId: string, isOpen: boolean) {
  const api = useApi();
  return useQuery({
    queryKey: ["publish-choices", taskId],
    queryFn: () => api.task(taskId).publishChoices(),
    enabled: isOpen,
    staleTime: 60_000,
    retry: false,
  });
}

/** A task's publication, and its operations. */
export function usePublication(taskId: string, sessionId: string) {
  const api = useApi();
  const queries = useQueryClient();
  const options = publicationQuery(api, taskId);
  const query = useQuery(options);
  const keep = {
    onSuccess: (view: PublicationView) => {
      queries.setQueryData<PublicationView>(options.queryKey, (known) => keepNewerPublication(known, view));
    },
    // What was reached before the failure.
    onError: () => queries.invalidateQueries({ queryKey: options.queryKey }),
  };
  const task = api.task(taskId);
  const publish = useMutation({ mutationFn: (input: PublishInput) => task.publish(input), ...keep });
  const read = useMutation({ mutationFn: () => task.readPullRequest(), ...keep });
  const merge = useMutation({
    mutationFn: (method: "merge" | "squash") => task.mergePullRequest({ method }),
    ...keep,
  });
  const ready = useMutation({ mutationFn: () => task.markReady(), ...keep });
  const address = useMutation({ mutationFn: () => task.addressReview({ session: sessionId }), ...keep });
  const archive = useMutation({
    mutationFn: async () => requireDone(await api.organization.archiveTasks([taskId])),
  });
  return { query, publish, read, ready, merge, address, archive };
}

export type PublicationControls = ReturnType<typeof usePublication>;
