import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { RepositoryView } from "../../backend/repositories/contract.ts";
import { useApi } from "../shared/context.ts";
import { connectedQuery, useMayManage } from "./queries.ts";

/** What becomes of a task whose pull request was merged. */
export function MergedTasks({ repository: { id, archivesMerged } }: { readonly repository: RepositoryView }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const mayManage = useMayManage();
  const change = useMutation({
    mutationFn: (isOn: boolean) => api.repository(id).archiveMerged(isOn),
    onSuccess: (_none, isOn) =>
      announce(isOn ? "Merged tasks are archived." : "Merged tasks stay in the list."),
    onSettled: () => queries.invalidateQueries({ queryKey: connectedQuery(api, id).queryKey }),
  });
  const isOn = change.isPending ? change.variables : archivesMerged;
  return (
    <section className="repository-section" aria-labelledby="merged-heading">
      <h2 id="merged-heading">Tasks</h2>
      <label className="repository-check-line">
        <input
          type="checkbox"
          checked={isOn}
          disabled={!mayManage || change.isPending}
          onChange={({ target: { checked } }) => change.mutate(checked)}
        />
        Archive a task when its pull request was merged
      </label>
      {change.isError && <ErrorNotice error={change.error} title="The setting was not changed." />}
    </section>
  );
}
