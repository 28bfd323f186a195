import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { appPart, CrossIcon, ErrorNotice, Loading } from "@holdfast/web-parts";
import { formatBytes } from "@holdfast/web-parts/format";
import {
  type FileRef,
  formatFileRef,
  isNotFound,
  type TextFile,
  type UnreadableFile,
} from "@holdfast/web-parts/sandbox";
import { useMutation, useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { baseName } from "../../shared/base-name.ts";
import type { LineNote } from "../../shared/review/line-notes.ts";
import { fileQuery, imageQuery } from "../queries.ts";
import { workspaceRoot } from "../task-sandbox.ts";
import { Conflict } from "./conflict.tsx";
import { type Drafts, withLineFeeds } from "./drafts.ts";
import { isImage, maxImageBytes } from "./file-kind.ts";
import { useFileSource } from "./source/file-source.ts";
import { useSave } from "./use-save.ts";

const CodeView = lazy(appPart(() => import("./code-view.tsx")));

interface FileViewProps {
  readonly file: FileRef;
  readonly goTo: { readonly line: number } | undefined;
  readonly drafts: Drafts;
  readonly mayEdit: boolean;
  readonly notes: readonly LineNote[];
  readonly onCheck: (name: string) => void;
  readonly onLine: (line: number) => void;
  readonly onClose: () => void;
}

/** One file: its text in an editor, an image, or why it is not shown. */
export function FileView(props: FileViewProps) {
  const { file } = props;
  const { data, error, refetch } = useQuery(fileQuery(useFileSource(), file));
  const isGone = error !== null && isNotFound(error);
  if (data !== undefined && "text" in data && !(isGone && props.drafts.of(file) === undefined))
    return <TextView {...props} data={data} isGone={isGone} />;
  return (
    <Frame {...props} size={data?.size}>
      {data === undefined && error === null && <Loading label="Loading the file" rows={8} />}
      {isGone && <p className="workspace-note">This file no longer exists.</p>}
      {error !== null && !isGone && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data !== undefined && !("text" in data) && <Unreadable file={file} data={data} />}
    </Frame>
  );
}

function TextView({
  data,
  isGone,
  ...props
}: FileViewProps & { readonly data: TextFile; readonly isGone: boolean }) {
  const { file, goTo, drafts, mayEdit, notes, onCheck, onLine } = props;
  const draft = drafts.of(file);
  const { save, reload } = useSave(file, drafts);
  const path = formatFileRef(file);
  // The agent, or another person, wrote the file after the edit began.
  const isOutdated = draft !== undefined && !isGone && draft.base.text !== data.text;
  const saveDraft = () => {
    if (draft === undefined || save.isPending) return;
    const etag = isOutdated ? draft.base.etag : data.etag;
    save.mutate({ text: draft.text, etag: isGone ? undefined : etag });
  };
  return (
    <Frame
      {...props}
      size={data.size}
      actions={
        mayEdit ? (
          <button
            type="button"
            className="button button-small button-primary"
            disabled={draft === undefined || save.isPending}
            onClick={saveDraft}
          >
            {save.isPending ? "Saving…" : "Save"}
          </button>
        ) : undefined
      }
    >
      {draft !== undefined && isOutdated && (
        <Conflict
          path={path}
          current={data.text}
          mine={draft.text}
          onOverwrite={() => save.mutate({ text: draft.text, etag: data.etag })}
          onReload={reload}
        />
      )}
      {isGone && (
        <p className="notice notice-warning" role="alert">
          The file was deleted since you began to edit it. Save writes it again.
        </p>
      )}
      {save.isError && !isOutdated && <ErrorNotice error={save.error} title="The file was not saved." />}
      {notes.length > 0 && <Notes notes={notes} onLine={onLine} onCheck={onCheck} />}
      <Suspense fallback={<Loading label="Loading the editor" rows={8} />}>
        <CodeView
          key={file}
          path={path}
          text={withLineFeeds((draft ?? data).text)}
          readOnly={!mayEdit}
          goTo={goTo}
          notes={notes}
          onCheck={onCheck}
          onChange={(text) => drafts.edit(file, data, text)}
          onSave={saveDraft}
        />
      </Suspense>
    </Frame>
  );
}

/** What failed checks say about the file: to the line, and back to the result. */
function Notes({ notes, onLine, onCheck }: Pick<FileViewProps, "notes" | "onLine" | "onCheck">) {
  return (
    <ul className="file-notes" aria-label="Results of checks">
      {notes.map(({ check, line, message }) => (
        <li key={`${check} ${line}`}>
          <button type="button" className="link-button" onClick={() => onLine(line)}>
            Line {line}
          </button>{" "}
          {visibleText(message)}{" "}
          <button type="button" className="link-button" onClick={() => onCheck(check)}>
            {visibleText(check)}
            <span className="visually-hidden">: show the result</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Frame({
  file,
  size,
  actions,
  onClose,
  children,
}: Pick<FileViewProps, "file" | "onClose"> & {
  readonly size?: number | undefined;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}) {
  const source = useFileSource();
  const path = formatFileRef(file);
  const shown = visibleText(path.replace(`${workspaceRoot}/`, ""));
  const fetchFile = useMutation({ mutationFn: () => source.download(file, baseName(path)) });
  return (
    <section className="file-view" aria-label={`File ${shown}`}>
      <header className="file-head">
        <h2 className="file-path mono">{shown}</h2>
        {size !== undefined && <span className="muted small">{formatBytes(size)}</span>}
        <span className="file-actions">
          {actions}
          <button
            type="button"
            className="button button-small"
            disabled={fetchFile.isPending}
            onClick={() => fetchFile.mutate()}
          >
            Download
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Close the file"
            title="Close"
            onClick={onClose}
          >
            <CrossIcon />
          </button>
        </span>
      </header>
      {fetchFile.isError && <ErrorNotice error={fetchFile.error} title="The download failed." />}
      {children}
    </section>
  );
}

function Unreadable({ file, data }: { readonly file: FileRef; readonly data: UnreadableFile }) {
  const path = formatFileRef(file);
  const [isBroken, setBroken] = useState(false);
  const isShown = isImage(path) && data.size <= maxImageBytes;
  const image = useQuery({ ...imageQuery(useFileSource(), file, data.etag ?? ""), enabled: isShown });
  if (isShown && image.isPending) return <Loading label="Loading the image" rows={8} />;
  if (isShown && image.data !== undefined && !isBroken) {
    return (
      <div className="file-image">
        <img src={image.data} alt={visibleText(baseName(path))} onError={() => setBroken(true)} />
      </div>
    );
  }
  return (
    <p className="workspace-note">
      {isBroken
        ? "This is not an image that a browser shows. "
        : data.reason === "large"
          ? "This file is too large to be shown. "
          : "This file is not text. "}
      It can be downloaded.
    </p>
  );
}
