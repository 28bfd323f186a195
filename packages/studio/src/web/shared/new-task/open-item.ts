import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { Issue } from "../../../forges/forge.ts";
import { labelsOfForge } from "../../../labels/labels.ts";
import { useApi } from "../context.ts";
import { emptyDraft, taskDraft } from "./task-draft.ts";

/** A pull request or an issue of a connected repository. */
export interface OpenedItem {
  readonly repository: { readonly id: string; readonly name: string };
  readonly kind: "pull-request" | "issue";
  readonly number: number;
  /** An issue that was read already. What is not is read from the forge, with its text as it is now. */
  readonly issue?: Pick<Issue, "title" | "body" | "webUrl" | "labels"> | undefined;
}

/** Opens the form for a new task on a pull request or an issue: until it is sent, there is no task. */
export function useOpenItem() {
  const api = useApi();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: async ({ repository, kind, number, issue }: OpenedItem) => {
      if (kind === "issue") {
        const { title, body, webUrl, labels } = issue ?? (await api.repository(repository.id).issue(number));
        return {
          start: { issue: number, labels: labelsOfForge(labels) },
          what: "issue",
          title,
          body,
          webUrl,
        };
      }
      const pull = await api.repository(repository.id).pullRequest(number);
      const isFork = pull.headRepository?.toLowerCase() !== repository.name.toLowerCase();
      const labels = labelsOfForge(pull.labels);
      // A branch of the repository itself can be pushed to.
      const start = isFork ? { pull: number, labels } : { branch: pull.headBranch, ofPull: number, labels };
      return { start, what: "pull request", title: pull.title, body: pull.body, webUrl: pull.webUrl };
    },
    onSuccess({ start, what, title, body, webUrl }, { repository, number }) {
      taskDraft().change((draft) => ({
        ...draft,
        repository: { ...emptyDraft.repository, path: repository.name, connected: repository.id, ...start },
        prompt: `Work on ${what} #${number}, “${title}” (${webUrl}).\n\n${body}`.trim(),
      }));
      void navigate({ to: "/", hash: "new-task" });
    },
  });
}
