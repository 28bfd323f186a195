import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { DiffCompare } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { compareKey } from "./diff-source.ts";

/** What the changes are compared with. The commits of the agent are read when the list is first used. */
export function CompareSelect({
  taskId,
  compare,
  onCompare,
}: {
  readonly taskId: string;
  readonly compare: DiffCompare;
  readonly onCompare: (compare: DiffCompare) => void;
}) {
  const id = useId();
  const api = useApi();
  const [isUsed, setUsed] = useState(false);
  const { data: commits = [] } = useQuery({
    queryKey: ["commits", taskId],
    queryFn: () => api.task(taskId).commits(),
    enabled: isUsed,
    staleTime: 5_000,
  });
  const selected = compareKey(compare);
  const isListed = compare.kind !== "commit" || commits.some((commit) => commit.id === selected);
  const use = () => setUsed(true);
  return (
    <>
      <label htmlFor={id} className="visually-hidden">
        Compare with
      </label>
      <select
        id={id}
        className="compare-select"
        value={selected}
        onFocus={use}
        onPointerEnter={use}
        onChange={({ target: { value } }) =>
          onCompare(
            value === "base" || value === "turn" ? { kind: value } : { kind: "commit", commit: value },
          )
        }
      >
        <option value="base">All changes</option>
        <option value="turn">Last turn</option>
        {commits.length > 0 && (
          <optgroup label="Commits of the agent">
            {commits.map((commit) => (
              <option key={commit.id} value={commit.id}>
                {commit.id.slice(0, 8)} {visibleText(commit.subject)}
              </option>
            ))}
          </optgroup>
        )}
        {!isListed && <option value={selected}>{selected.slice(0, 8)}</option>}
      </select>
    </>
  );
}
