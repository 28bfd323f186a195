/** Review of a task's changes: the diff, and Apply. Does not import the room of the task that shows it. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ChevronIcon, Empty, ErrorNotice, Loading, RefreshIcon } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { memo, useCallback, useEffect, useMemo, useState } from "react";
import type { DiffFile, DiffView, TaskView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { chunk } from "../shared/diff/chunk.ts";
import { DiffLines } from "../shared/diff/diff-lines.tsx";
import { parsePatch } from "../shared/diff/patch.ts";
import { isBusy } from "../shared/status.tsx";
import { Apply } from "./apply.tsx";
import { diffQuery } from "./diff-query.ts";
import { LazyBlock } from "./lazy-block.tsx";

/** The changes since the task began, file by file, and the form to apply them. */
export function Changes({ task }: { readonly task: TaskView }) {
  const api = useApi();
  const ready = task.status !== "preparing";
  const query = useQuery({ ...diffQuery(api, task.id), enabled: ready });
  const none = query.data !== undefined && query.data.files.length === 0;
  // Data read before the agent stopped does not include its last changes.
  const settling = none && query.isFetching && !isBusy(task.status);
  return (
    <div className="changes">
      <div className="changes-head">
        <h2>Changes</h2>
        {query.data !== undefined && query.data.files.length > 0 && <Totals files={query.data.files} />}
        <button
          type="button"
          className="icon-button"
          aria-label="Reload changes"
          title="Reload changes"
          disabled={!ready || query.isFetching}
          onClick={() => void query.refetch()}
        >
          <RefreshIcon />
        </button>
      </div>
      {!ready && <Empty title="No changes yet">The repository is being cloned.</Empty>}
      {((ready && query.isPending) || settling) && <Loading label="Loading the changes" rows={4} />}
      {query.isError && (
        <ErrorNotice
          error={query.error}
          title="The changes could not be loaded."
          onRetry={() => void query.refetch()}
        />
      )}
      {none && !settling && (
        <Empty title="No changes">
          {isBusy(task.status) ? "The agent has not changed any files yet." : "The agent changed no files."}
        </Empty>
      )}
      {query.data !== undefined && query.data.files.length > 0 && (
        <>
          <Apply task={task} files={query.data.files} />
          <Files diff={query.data} />
        </>
      )}
    </div>
  );
}

/** Number of files in one lazily rendered block. */
const blockFiles = 20;
const estimatedRowPx = 28;
const estimatedFilePx = 200;

/** The list of files, and below it the changes of each. Both render only what is in view. */
function Files({ diff }: { readonly diff: DiffView }) {
  // The file that the user selected; its block is always rendered.
  const [target, setTarget] = useState<{ readonly index: number }>();
  // Kept here, because a section out of view is unmounted.
  const [opened, setOpened] = useState<ReadonlyMap<string, boolean>>(new Map());
  const setOpen = useCallback(
    (path: string, open: boolean) => setOpened((known) => new Map(known).set(path, open)),
    [],
  );
  const show = (index: number) => {
    const path = diff.files[index]?.path;
    if (path !== undefined) setOpen(path, true);
    setTarget({ index });
  };
  useEffect(() => {
    if (target !== undefined) revealFile(fileId(target.index));
  }, [target]);
  return (
    <>
      <FileList diff={diff} onShow={show} />
      <div className="file-diffs">
        {chunk(diff.files, blockFiles).map((files, block) => (
          <LazyBlock
            key={block}
            className="file-diffs"
            estimatedPx={files.length * estimatedFilePx}
            force={target !== undefined && Math.floor(target.index / blockFiles) === block}
          >
            {() =>
              files.map((file, index) => (
                <FileSection
                  key={file.path}
                  file={file}
                  id={fileId(block * blockFiles + index)}
                  open={opened.get(file.path) ?? startsOpen(file)}
                  onOpen={setOpen}
                />
              ))
            }
          </LazyBlock>
        ))}
      </div>
    </>
  );
}

function fileId(index: number): string {
  return `change-${index}`;
}

function Totals({ files }: { readonly files: readonly DiffFile[] }) {
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  return (
    <p className="changes-totals">
      <span className="muted">
        {files.length} {files.length === 1 ? "file" : "files"}
      </span>
      <Counts additions={additions} deletions={deletions} />
    </p>
  );
}

function Counts({ additions, deletions }: { readonly additions: number; readonly deletions: number }) {
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

function FileCounts({ file }: { readonly file: DiffFile }) {
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

function FileList({ diff, onShow }: { readonly diff: DiffView; readonly onShow: (index: number) => void }) {
  return (
    <nav className="file-list" aria-label="Changed files">
      {chunk(diff.files, blockFiles).map((files, block) => (
        <LazyBlock key={block} as="ul" estimatedPx={files.length * estimatedRowPx}>
          {() =>
            files.map((file, place) => {
              const index = block * blockFiles + place;
              return (
                <li key={file.path} data-file={file.path}>
                  <FileMark status={file.status} />
                  <a
                    href={`#${fileId(index)}`}
                    onClick={(event) => {
                      event.preventDefault();
                      onShow(index);
                    }}
                  >
                    {visibleText(file.path)}
                  </a>
                  {file.runsOnYourMachine && <RunsMark />}
                  <FileCounts file={file} />
                </li>
              );
            })
          }
        </LazyBlock>
      ))}
      {diff.truncated && (
        <p className="notice notice-warning">
          The diff is too large to show in full. Apply to branch takes every change.
        </p>
      )}
    </nav>
  );
}

/** Scrolls to a file's section and focuses it. */
function revealFile(id: string): void {
  const section = document.getElementById(id);
  if (section === null) return;
  section.scrollIntoView({ block: "start" });
  section.querySelector("summary")?.focus({ preventScroll: true });
}

function FileMark({ status }: { readonly status: DiffFile["status"] }) {
  return (
    <span className={`file-mark file-mark-${status}`} role="img" aria-label={status} title={status}>
      {statusLetters[status]}
    </span>
  );
}

function RunsMark() {
  return (
    <span
      className="tag tag-attention"
      title="This file runs code on your machine when it is opened or built. Read it first."
    >
      runs on your machine
    </span>
  );
}

/** Files with more changed lines than this are collapsed initially. */
const foldAbove = 500;

function startsOpen(file: DiffFile): boolean {
  return file.additions + file.deletions <= foldAbove && file.status !== "deleted";
}

const FileSection = memo(function FileSection({
  file,
  id,
  open,
  onOpen,
}: {
  readonly file: DiffFile;
  readonly id: string;
  readonly open: boolean;
  readonly onOpen: (path: string, open: boolean) => void;
}) {
  return (
    <details
      className="file-diff"
      id={id}
      open={open}
      onToggle={({ currentTarget }) => {
        if (currentTarget.open !== open) onOpen(file.path, currentTarget.open);
      }}
    >
      <summary>
        <ChevronIcon />
        <FileMark status={file.status} />
        <span className="file-path">
          {file.oldPath !== undefined && <span className="muted">{visibleText(file.oldPath)} → </span>}
          {visibleText(file.path)}
        </span>
        {file.runsOnYourMachine && <RunsMark />}
        <FileCounts file={file} />
      </summary>
      {open && <FileBody file={file} />}
    </details>
  );
});

function FileBody({ file }: { readonly file: DiffFile }) {
  const hunks = useMemo(() => parsePatch(file.patch), [file.patch]);
  if (file.binary) return <p className="file-note">This is a binary file. Its content is not shown.</p>;
  if (hunks.length === 0) return <p className="file-note">{describeEmptyDiff(file)}</p>;
  return <DiffLines hunks={hunks} label={`Changes of ${file.path}`} />;
}

function describeEmptyDiff(file: DiffFile): string {
  if (file.additions + file.deletions > 0) return "Not shown, because all changes together are too large.";
  return file.status === "added" ? "This file is empty." : "Only the name, type or mode changed.";
}
