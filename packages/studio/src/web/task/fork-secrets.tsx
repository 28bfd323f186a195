import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, ErrorNotice, WarningIcon } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import type { TaskFork, TaskView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";

/** Asks whether code of a fork gets the secrets that its environment asks for. The task waits for the answer. */
export function ForkSecrets({ task, fork }: { readonly task: TaskView; readonly fork: TaskFork }) {
  const api = useApi();
  const decide = useMutation({
    mutationFn: (isAllowed: boolean) => api.task(task.id).decideSecrets(isAllowed),
  });
  return (
    <section className="fork-secrets" aria-label="Secrets of the repository">
      <p className="field-warning">
        <WarningIcon />
        <span>
          {task.error?.message ?? `This task starts from the fork ${visibleText(fork.repository)}.`}{" "}
          <a href={fork.webUrl} target="_blank" rel="noreferrer">
            Changes of #{fork.number}
          </a>
        </span>
      </p>
      <div className="fork-secrets-actions">
        <button
          type="button"
          className="button button-primary"
          disabled={decide.isPending}
          onClick={() => decide.mutate(false)}
        >
          Start without secrets
        </button>
        <ConfirmButton
          label="Allow secrets…"
          className="button"
          title="Give code of a fork the secrets?"
          confirmLabel="Allow secrets"
          onConfirm={() => decide.mutateAsync(true)}
        >
          The setup of {visibleText(fork.repository)} can use the secrets that it names, at the hosts that the
          operator allows. Allow this only for changes that you have read.
        </ConfirmButton>
      </div>
      {decide.isError && <ErrorNotice error={decide.error} title="The answer was not taken." />}
    </section>
  );
}
