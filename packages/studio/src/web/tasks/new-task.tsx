import { ErrorNotice } from "@holdfast/web-parts";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useCallback, useEffect, useId, useRef, useState } from "react";
import type { AgentChoice, CreateTaskInput } from "../../contract.ts";
import { EnvironmentNote } from "../environment/environment-note.tsx";
import { emptyDraft, type RepositoryValue, type TaskDraft } from "../shared/new-task/task-draft.ts";
import { AgentField } from "./agent-field.tsx";
import { AttemptsField } from "./attempts-field.tsx";
import { PromptField } from "./prompt-field.tsx";
import { useCreateTask } from "./queries.ts";
import { RepositoryField, sampleRepository } from "./repository-field.tsx";
import { Suggestions } from "./suggestions.tsx";
import { useWaitForAgents } from "./wait-for-agents.ts";

const agentKey = "holdfast.agent";
/** What the sample repository is for; the demo agent can do it too. */
const samplePrompt = "Find out why the tests fail, and fix it.";

/** The form for a new task. A missing value is reported at its field, which takes the focus. */
export function NewTask({
  takeFocus,
  draft,
  setDraft,
}: {
  /** The first empty field takes the focus whenever this changes to another text. */
  readonly takeFocus: string | undefined;
  readonly draft: TaskDraft;
  readonly setDraft: (change: (draft: TaskDraft) => TaskDraft) => void;
}) {
  const { repository, agent, prompt } = draft;
  const ids = useId();
  const navigate = useNavigate();
  const create = useCreateTask((task) => {
    setDraft(() => emptyDraft);
    const search = task.attempts === undefined ? {} : ({ view: "attempts" } as const);
    void navigate({ to: "/tasks/$taskId", params: { taskId: task.id }, search });
  });
  const promptRef = useRef<HTMLTextAreaElement>(null);
  const repositoryRef = useRef<HTMLInputElement>(null);
  const [tried, setTried] = useState(false);
  const { reset } = create;
  const setRepository = useCallback(
    (value: RepositoryValue) => {
      // An error about the previous repository must not appear to be about this one.
      reset();
      setDraft((known) => {
        const isFirstTry = value.path === sampleRepository && known.prompt === "";
        return { ...known, repository: value, ...(isFirstTry ? { prompt: samplePrompt } : {}) };
      });
    },
    [reset, setDraft],
  );
  const setAgent = useCallback(
    (choice: AgentChoice) => setDraft((known) => ({ ...known, agent: choice, options: {} })),
    [setDraft],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: the fields change while they have the focus
  useEffect(() => {
    if (takeFocus !== undefined) (repository.path === "" ? repositoryRef : promptRef).current?.focus();
  }, [takeFocus]);

  const problems = {
    repository: repositoryProblem(repository),
    agent: agentProblem(agent),
    prompt: prompt.trim() === "" ? "Describe the task." : undefined,
  };
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    // Held keys repeat, and the form stays until the page of the task opens.
    if (create.isPending || create.isSuccess) return;
    setTried(true);
    if (problems.repository !== undefined) {
      create.reset();
      const fromHead = document.querySelector<HTMLInputElement>('.new-task input[name="from-head"]');
      return (fromHead ?? repositoryRef.current)?.focus();
    }
    if (agents.isUnknown) return agents.wait();
    if (problems.agent !== undefined || agent === undefined) {
      return document.querySelector<HTMLInputElement>(".agent-field input")?.focus();
    }
    if (problems.prompt !== undefined) return promptRef.current?.focus();
    create.mutate(inputOf(draft, agent));
  };
  const agents = useWaitForAgents(agent, submit);
  const isStarting = create.isPending || agents.isWaiting;
  return (
    <form className="new-task" onSubmit={submit} noValidate aria-labelledby={`${ids}-heading`}>
      <h2 id={`${ids}-heading`}>New task</h2>
      {prompt === "" && repository.path === "" && <Suggestions setDraft={setDraft} />}
      <RepositoryField
        value={repository}
        onChange={setRepository}
        problem={tried ? problems.repository : undefined}
        inputRef={repositoryRef}
      />
      {repository.path !== sampleRepository &&
        repository.connected === undefined &&
        (repository.check === "clean" || repository.check === "dirty") && (
          <EnvironmentNote path={repository.path.trim()} />
        )}
      <AgentField
        value={agent?.id}
        preferred={preferredAgent()}
        onChange={setAgent}
        problem={tried && !agents.isWaiting ? problems.agent : undefined}
      />
      <AttemptsField
        value={draft.attempts}
        first={agent?.id}
        onChange={(agents) => setDraft((known) => ({ ...known, attempts: agents }))}
      />
      <PromptField
        draft={draft}
        setDraft={setDraft}
        placeholder={samplePrompt}
        problem={tried ? problems.prompt : undefined}
        fieldRef={promptRef}
        onSubmit={submit}
      />
      {create.isError && <ErrorNotice error={create.error} title="The task was not started." />}
      <button
        type="submit"
        className="button button-primary button-wide"
        disabled={isStarting}
        onClick={() => agent !== undefined && rememberAgent(agent.id)}
      >
        {isStarting ? "Starting…" : "Start task"}
      </button>
    </form>
  );
}

function inputOf(draft: TaskDraft, agent: AgentChoice): CreateTaskInput {
  const { repository, attempts, prompt, attachments, options } = draft;
  const branch = repository.branch.trim();
  return {
    repository: repository.connected ?? repository.path.trim(),
    ...(repository.onTask === undefined ? {} : { onTask: repository.onTask.taskId }),
    ...(repository.connected === undefined ||
    branch === "" ||
    repository.pull !== undefined ||
    repository.onTask !== undefined
      ? {}
      : { branch }),
    ...(repository.connected === undefined || repository.pull === undefined
      ? {}
      : { pullRequest: repository.pull }),
    ...(repository.connected === undefined ? {} : itemOf(repository)),
    ...(repository.connected === undefined ||
    repository.labels === undefined ||
    repository.labels.length === 0
      ? {}
      : { labels: repository.labels }),
    agent: agent.id,
    // Each has its own options, though none were chosen.
    ...(attempts.length === 0 ? {} : { attempts }),
    prompt: prompt.trim(),
    ...(repository.fromHead ? { fromHead: true } : {}),
    ...(attachments.length === 0 ? {} : { attachments: attachments.map(({ id }) => id) }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  };
}

/** What the form was opened on. */
function itemOf({ issue, ofPull }: RepositoryValue): Pick<CreateTaskInput, "item"> {
  if (issue !== undefined) return { item: { kind: "issue", number: issue } };
  return ofPull === undefined ? {} : { item: { kind: "pull-request", number: ofPull } };
}

function repositoryProblem(value: RepositoryValue): string | undefined {
  if (value.path.trim() === "") return "Enter the path of a repository, or use the sample repository.";
  if (value.path === sampleRepository) return undefined;
  if (value.check === "failed")
    return "This repository cannot be used. Fix the problem shown here, or choose another.";
  if (value.check === "dirty" && !value.fromHead) {
    return "Commit the changes, or tick “Start from the last commit” to leave them out.";
  }
  return undefined;
}

function agentProblem(agent: AgentChoice | undefined): string | undefined {
  if (agent === undefined) return "Choose an agent.";
  if (!agent.installed) return "This agent is not installed. Install it, or choose another.";
  if (!agent.ready) return "This agent has no model. Add an API key for its provider first.";
  return undefined;
}

function preferredAgent(): string | undefined {
  try {
    return localStorage.getItem(agentKey) ?? undefined;
  } catch {
    return undefined;
  }
}

function rememberAgent(id: string): void {
  try {
    localStorage.setItem(agentKey, id);
  } catch {
    // Only a convenience: without storage the first ready agent is chosen next time.
  }
}
