import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { BranchIcon, ErrorNotice, useAnnounce, WarningIcon } from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import type { DiffFile, TaskView } from "../../contract.ts";
import { Command } from "../shared/command.tsx";
import { useApi } from "../shared/context.ts";
import { isBusy } from "../shared/status.tsx";
import { publicationQuery } from "./publish/publish-query.ts";

/** Applies the changes to a new branch of the user's repository; checked-out files stay unchanged. */
export function Apply({ task, files }: { readonly task: TaskView; readonly files: readonly DiffFile[] }) {
  const id = useId();
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [branch, setBranch] = useState("");
  const apply = useMutation({
    mutationFn: () => api.task(task.id).apply(branch.trim() === "" ? {} : { branch: branch.trim() }),
    onSuccess: (applied) => {
      announce(`Applied to branch ${applied.branch}.`);
      void queries.invalidateQueries({ queryKey: ["task", task.id] });
    },
  });
  const { data: publication, isPending } = useQuery(publicationQuery(api, task.id));
  // One primary action: where the work goes to a forge, that is Publish.
  const isPublished = publication !== undefined && publication.target !== null;
  const busy = isBusy(task.status);
  const applied = apply.data ?? task.applied;
  const running = files.filter((file) => file.runsOnYourMachine);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy && !apply.isPending) apply.mutate();
  };
  // A connected repository has no folder of the person.
  const isFolder = task.repository.startsWith("/") || task.repository === "sample";
  const form = (
    <section className="apply" aria-label="Apply to branch">
      <form onSubmit={submit}>
        <label htmlFor={`${id}-branch`} className="visually-hidden">
          Name of the new branch
        </label>
        <input
          id={`${id}-branch`}
          className="mono"
          value={branch}
          onChange={(event) => setBranch(event.target.value)}
          placeholder="Branch name (chosen for you)"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
        />
        <button
          type="submit"
          className={isPublished ? "button" : "button button-primary"}
          disabled={busy || apply.isPending}
          aria-describedby={`${id}-reason`}
        >
          <BranchIcon />
          {apply.isPending ? "Applying…" : "Apply to branch"}
        </button>
      </form>
      <p id={`${id}-reason`} className="field-help">
        {busy
          ? "Available when the agent has finished."
          : isFolder
            ? "Creates a branch in your repository. Your checked-out files do not change."
            : "Pushes a branch to the repository, and opens no pull request."}
      </p>
      {running.length > 0 && (
        <p className="field-warning">
          <WarningIcon />
          <span>
            {running.length === 1 ? "One file runs" : `${running.length} files run`} something on your machine
            when opened or built: {running.map((file) => visibleText(file.path)).join(", ")}. Read before you
            check the branch out.
          </span>
        </p>
      )}
      {apply.isError && <ErrorNotice error={apply.error} title="The changes were not applied." />}
      {applied !== undefined && (
        <div className="applied" data-testid="applied">
          <p>
            On branch <strong className="mono">{applied.branch}</strong> at{" "}
            <code>{applied.commit.slice(0, 8)}</code>
          </p>
          {isFolder && (
            <Command text={`git -C ${shellQuote(task.repository)} switch ${shellQuote(applied.branch)}`} />
          )}
        </div>
      )}
    </section>
  );
  // Until it is known where the work goes, nothing stands out.
  if (isPending) return null;
  if (!isPublished || applied !== undefined) return form;
  return (
    <details className="apply-more">
      <summary>
        {isFolder ? "Apply to a local branch instead" : "Push a branch without a pull request"}
      </summary>
      {form}
    </details>
  );
}

/** Quotes a word for a POSIX shell if necessary. */
function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
