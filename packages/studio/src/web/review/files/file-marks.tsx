/** The changed files: their list, the changes of each, marks and shortcuts. */
import type { DiffFile } from "../../../contract.ts";

export function Counts({ additions, deletions }: { readonly additions: number; readonly deletions: number }) {
  return (
    <span className="counts">
      <span className="count-added">
        +{additions}
        <span className="visually-hidden"> lines added, </span>
      </span>
      <span className="count-removed">
        −{deletions}
        <span className="visually-hidden"> lines removed</span>
      </span>
    </span>
  );
}

export function FileCounts({ file }: { readonly file: DiffFile }) {
  if (file.binary) return <span className="counts muted">binary</span>;
  return <Counts additions={file.additions} deletions={file.deletions} />;
}

const statusLetters: Readonly<Record<DiffFile["status"], string>> = {
  added: "A",
  modified: "M",
  deleted: "D",
  renamed: "R",
  copied: "C",
  "type-changed": "T",
};

export function FileMark({ status }: { readonly status: DiffFile["status"] }) {
  return (
    <span className={`file-mark file-mark-${status}`} role="img" aria-label={status} title={status}>
      {statusLetters[status]}
    </span>
  );
}

export function RunsMark() {
  return (
    <span
      className="tag tag-attention"
      title="This file runs code on your machine when it is opened or built. Read it first."
    >
      runs on your machine
    </span>
  );
}
