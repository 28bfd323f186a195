/** The list of tasks, and the form for a new one. */
import { CheckIcon, useDebounced, WarningIcon } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useId } from "react";
import { useApi } from "../shared/context.ts";
import { describeError } from "../shared/errors.ts";
import { repositoryQuery } from "./queries.ts";

/** The server's name for its sample repository. */
export const sampleRepository = "sample";

export interface RepositoryValue {
  readonly path: string;
  /** Starts from the last commit even if there are uncommitted changes. */
  readonly fromHead: boolean;
  readonly check: "none" | "checking" | "clean" | "dirty" | "failed";
}

/** The path of a repository, checked on the server while the user types. */
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
  const query = useQuery({
    ...repositoryQuery(api, settled),
    enabled: settled !== "" && settled !== sampleRepository,
  });
  const check = checkState(typed, current, query);
  useEffect(() => {
    if (check !== value.check) onChange({ ...value, check });
  }, [check, onChange, value]);
  const invalid = problem !== undefined || check === "failed";
  return (
    <div className="field">
      <div className="field-head">
        <label htmlFor={id}>Repository</label>
        {typed !== sampleRepository && (
          <button
            type="button"
            className="link-button"
            onClick={() => onChange({ path: sampleRepository, fromHead: false, check: "clean" })}
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
        onChange={(event) => onChange({ path: event.target.value, fromHead: false, check: "checking" })}
        placeholder="/home/you/project"
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        aria-invalid={invalid}
        aria-describedby={`${id}-help`}
      />
      <div id={`${id}-help`} className="repository-check" aria-live="polite" data-check={check}>
        {describe(check, query.data, query.error, problem)}
      </div>
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
            "The absolute path of a git repository on this machine. Holdfast works on a clone and leaves yours unchanged."}
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
