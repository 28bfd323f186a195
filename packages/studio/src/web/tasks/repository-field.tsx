/** The list of tasks, and the form for a new one. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { BranchIcon, CheckIcon, useDebounced, WarningIcon } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useId } from "react";
import type { RepositorySummary } from "../../backend/repositories/contract.ts";
import { useApi } from "../shared/context.ts";
import { describeError } from "../shared/errors.ts";
import { repositoriesQuery } from "../shared/new-task/repositories.ts";
import { emptyDraft, type RepositoryValue } from "../shared/new-task/task-draft.ts";
import { branchesQuery, repositoryQuery } from "./queries.ts";

/** The server's name for its sample repository. */
export const sampleRepository = "sample";

/** The path of a repository, checked on the server while the user types, or the name of a connected one. */
export function RepositoryField({
  value,
  onChange,
  problem,
  inputRef,
}: {
  readonly value: RepositoryValue;
  readonly onChange: (value: RepositoryValue) => void;
  readonly problem: string | undefined;
  readonly inputRef: RefObject<HTMLInputElement | null>;
}) {
  const id = useId();
  const api = useApi();
  const typed = value.path.trim();
  const settled = useDebounced(typed, 350);
  const current = settled === typed;
  const list = useQuery(repositoriesQuery(api));
  const repositories = list.data ?? [];
  const named = repositories.filter(({ name, kind }) => kind !== "folder" && name === typed);
  // Repositories of two servers may have one name: the form may have been opened on the second.
  const connected = named.find(({ id }) => id === value.connected) ?? named[0];
  const query = useQuery({
    ...repositoryQuery(api, settled),
    enabled:
      // What was typed before is of no interest: it may have been the name of a connected repository.
      current && settled !== "" && settled !== sampleRepository && !list.isPending && connected === undefined,
  });
  const check = connected === undefined ? checkState(typed, current, query) : "clean";
  const isKnown = !list.isPending || value.connected === undefined;
  useEffect(() => {
    if (isKnown && (check !== value.check || connected?.id !== value.connected))
      onChange({ ...value, check, connected: connected?.id });
  }, [check, connected, isKnown, onChange, value]);
  const invalid = problem !== undefined || check === "failed";
  return (
    <div className="field">
      <div className="field-head">
        <label htmlFor={id}>Repository</label>
        {typed !== sampleRepository && (
          <button
            type="button"
            className="link-button"
            onClick={() => onChange({ ...emptyDraft.repository, path: sampleRepository, check: "clean" })}
          >
            Use the sample repository
          </button>
        )}
      </div>
      <input
        id={id}
        ref={inputRef}
        className="mono"
        value={value.path}
        onChange={(event) =>
          onChange({ ...emptyDraft.repository, path: event.target.value, check: "checking" })
        }
        list={`${id}-connected`}
        placeholder={repositories.length === 0 ? "/home/you/project" : "Search, or enter a path"}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        aria-invalid={invalid}
        aria-describedby={`${id}-help`}
      />
      <datalist id={`${id}-connected`}>
        {repositories.map(({ id: key, name, kind }) => (
          <option key={key} value={name} label={kind} />
        ))}
      </datalist>
      <div id={`${id}-help`} className="repository-check" aria-live="polite" data-check={check}>
        {connected === undefined ? (
          describe(check, query.data, query.error, problem)
        ) : (
          <Connected repository={connected} isOnTask={value.onTask !== undefined} />
        )}
      </div>
      {connected !== undefined && value.pull !== undefined && (
        <ForkNote
          number={value.pull}
          onRemove={() => {
            const { pull: _, ...rest } = value;
            onChange(rest);
          }}
        />
      )}
      {connected !== undefined && value.onTask !== undefined && (
        <p className="field-ok">
          <BranchIcon />
          <span>
            On top of “{visibleText(value.onTask.title)}”: starts from its branch, and moves with it.{" "}
            <button
              type="button"
              className="link-button"
              onClick={() => {
                const { onTask: _, ...rest } = value;
                onChange(rest);
              }}
            >
              Start from a branch instead
            </button>
          </span>
        </p>
      )}
      {connected !== undefined && value.pull === undefined && value.onTask === undefined && (
        <BranchField
          repository={connected}
          branch={value.branch}
          onChange={(branch) => onChange({ ...value, branch })}
        />
      )}
      {check === "dirty" && (
        <label className="checkbox">
          <input
            type="checkbox"
            name="from-head"
            checked={value.fromHead}
            onChange={(event) => onChange({ ...value, fromHead: event.target.checked })}
          />
          Start from the last commit, without these changes
        </label>
      )}
    </div>
  );
}

function Connected({
  repository: { error, mirror },
  isOnTask,
}: {
  readonly repository: RepositorySummary;
  readonly isOnTask: boolean;
}) {
  const problem = error?.message ?? mirror?.error?.message;
  if (problem === undefined && isOnTask) return null;
  if (problem === undefined) {
    return (
      <p className="field-ok">
        <CheckIcon />
        <span>Connected. The task starts from what was pushed last.</span>
      </p>
    );
  }
  return (
    <p className="field-warning">
      <WarningIcon />
      <span>{problem}</span>
    </p>
  );
}

/** Says what a task on code of a fork is, and offers a branch instead. */
function ForkNote({ number, onRemove }: { readonly number: number; readonly onRemove: () => void }) {
  return (
    <p className="field-warning">
      <WarningIcon />
      <span>
        Starts from pull request #{number}, which is from a fork. Its code is untrusted, and gets no secrets
        of the repository unless you allow them.{" "}
        <button type="button" className="link-button" onClick={onRemove}>
          Start from a branch instead
        </button>
      </span>
    </p>
  );
}

/** The branch that the task starts from, with those that are known as suggestions. */
function BranchField({
  repository: { id, mirror },
  branch,
  onChange,
}: {
  readonly repository: RepositorySummary;
  readonly branch: string;
  readonly onChange: (branch: string) => void;
}) {
  const ids = useId();
  const branches = useQuery(branchesQuery(useApi(), id)).data ?? [];
  return (
    <>
      <label htmlFor={ids}>Branch</label>
      <input
        id={ids}
        className="mono"
        value={branch}
        list={`${ids}-branches`}
        placeholder={mirror?.defaultBranch ?? "Default branch"}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
      />
      <datalist id={`${ids}-branches`}>
        {branches.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

interface CheckQuery {
  readonly data: { readonly branch: string; readonly commit: string; readonly dirty: boolean } | undefined;
  readonly isError: boolean;
  readonly isFetching: boolean;
}

function checkState(typed: string, current: boolean, query: CheckQuery): RepositoryValue["check"] {
  if (typed === "") return "none";
  if (typed === sampleRepository) return "clean";
  if (!current) return "checking";
  if (query.isError) return "failed";
  if (query.data === undefined) return "checking";
  return query.data.dirty ? "dirty" : "clean";
}

function describe(
  check: RepositoryValue["check"],
  found: CheckQuery["data"],
  error: unknown,
  problem: string | undefined,
) {
  switch (check) {
    case "none":
      return (
        <p className={problem === undefined ? "field-help" : "field-problem"}>
          {problem ??
            "A connected repository, or the absolute path of one on this machine. Holdfast works on a clone and leaves yours unchanged."}
        </p>
      );
    case "checking":
      return <p className="field-help">Checking the repository…</p>;
    case "failed": {
      const text = describeError(error);
      return (
        <p className="field-problem">
          <WarningIcon />
          <span>
            {text.title} {text.next}
          </span>
        </p>
      );
    }
    case "dirty":
      return (
        <p className="field-warning">
          <WarningIcon />
          <span>
            The branch {found?.branch} has uncommitted changes.{" "}
            {problem ?? "Commit them, or start from the last commit."}
          </span>
        </p>
      );
    case "clean":
      return (
        <p className="field-ok">
          <CheckIcon />
          <span>
            {found === undefined ? (
              "A small project that ships with Holdfast."
            ) : (
              <>
                Starts from <b>{found.branch}</b> at <code>{found.commit.slice(0, 8)}</code>
              </>
            )}
          </span>
        </p>
      );
  }
}
