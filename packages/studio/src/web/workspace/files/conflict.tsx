import { structuredPatch } from "diff";
import { useMemo, useState } from "react";
import { DiffLines } from "../../shared/diff/diff-lines.tsx";
import { toHunks } from "../../shared/diff/patch.ts";

/** Texts that differ in more places are not compared. */
const maxEditLength = 5_000;

/** Said above the editor of a file that has changed since its edit began, with the ways out. */
export function Conflict({
  path,
  current,
  mine,
  onOverwrite,
  onReload,
}: {
  readonly path: string;
  readonly current: string;
  readonly mine: string;
  readonly onOverwrite: () => void;
  readonly onReload: () => void;
}) {
  const [compares, setCompares] = useState(false);
  return (
    <div className="notice notice-warning" role="alert">
      <p>
        <strong>The file has changed since you began to edit it.</strong> Your edit is not saved.
      </p>
      <p className="notice-foot">
        <button
          type="button"
          className="button button-small"
          aria-expanded={compares}
          onClick={() => setCompares(!compares)}
        >
          Compare
        </button>
        <button type="button" className="button button-small" onClick={onOverwrite}>
          Overwrite it with mine
        </button>
        <button type="button" className="button button-small" onClick={onReload}>
          Discard mine
        </button>
      </p>
      {compares && <Comparison path={path} current={current} mine={mine} />}
    </div>
  );
}

function Comparison({
  path,
  current,
  mine,
}: {
  readonly path: string;
  readonly current: string;
  readonly mine: string;
}) {
  const hunks = useMemo(() => {
    const options = { context: 3, maxEditLength };
    const patch = structuredPatch(path, path, current, mine, "", "", options);
    return patch === undefined ? undefined : toHunks(patch.hunks);
  }, [path, current, mine]);
  if (hunks === undefined) return <p>The two versions differ too much to be compared here.</p>;
  return <DiffLines hunks={hunks} label="From the file as it is now to your edit" />;
}
