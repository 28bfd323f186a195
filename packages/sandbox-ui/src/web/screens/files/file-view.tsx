import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, useAnnounce } from "@holdfast/web-parts";
import { formatBytes } from "@holdfast/web-parts/format";
import {
  baseName,
  type FileRef,
  formatFileRef,
  isConflict,
  readText,
  restoreLineEndings,
  saveText,
  type TextFile,
} from "@holdfast/web-parts/sandbox";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";

/** One file as text, to read and edit. */
export function FileView({ fileRef, directory }: { readonly fileRef: FileRef; readonly directory: FileRef }) {
  const api = useApi();
  const name = visibleText(baseName(formatFileRef(fileRef)));
  const { data, error, refetch } = useQuery({
    queryKey: keys.file(fileRef),
    queryFn: ({ signal }) => readText(api, fileRef, signal),
    // A file is not refetched while it is being edited.
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const view = useRef<HTMLElement>(null);
  useEffect(() => {
    view.current?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <section className="file-view" aria-label={`File ${name}`} ref={view}>
      <header className="card-head">
        <h2>
          {name} {data !== undefined && <span className="muted small">{formatBytes(data.size)}</span>}
        </h2>
        <Link to="/files" search={{ path: directory }} className="button button-small">
          Close
        </Link>
      </header>
      {data === undefined && error === null && <Loading label="Loading the file" rows={6} />}
      {error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data !== undefined && "reason" in data && (
        <p className="notice">
          {data.reason === "large" ? "The file is too large to display." : "The file is not text."} It can be
          downloaded.
        </p>
      )}
      {data !== undefined && "text" in data && (
        <Editor key={formatFileRef(fileRef)} fileRef={fileRef} directory={directory} file={data} />
      )}
    </section>
  );
}

/** The edited text, based on the version that was read: it may have changed in the meantime. */
interface Draft {
  readonly text: string;
  readonly etag: string | undefined;
}

function Editor({
  fileRef,
  directory,
  file,
}: {
  readonly fileRef: FileRef;
  readonly directory: FileRef;
  readonly file: TextFile;
}) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [draft, setDraft] = useState<Draft>();
  const { text } = draft ?? file;
  const changed = text !== file.text;
  const save = useMutation({
    /** Without an entity tag, the current version is overwritten. */
    mutationFn: ({ text, etag }: Draft) => saveText(api, fileRef, text, etag),
    async onSuccess(saved) {
      queries.setQueryData(keys.file(fileRef), saved);
      // Edits made while saving are kept.
      setDraft((now) =>
        now === undefined || now.text === saved.text ? undefined : { ...now, etag: saved.etag },
      );
      announce("Saved.");
      await queries.invalidateQueries({ queryKey: keys.directory(directory) });
    },
  });
  const reload = async (): Promise<void> => {
    await queries.invalidateQueries({ queryKey: keys.file(fileRef) });
    setDraft(undefined);
    save.reset();
  };
  return (
    <>
      <textarea
        className="editor mono"
        aria-label="Text of the file"
        value={text}
        spellCheck={false}
        rows={Math.min(30, Math.max(8, text.split("\n").length + 1))}
        onChange={(event) => {
          const value = restoreLineEndings(text, event.target.value);
          setDraft((before) => ({ text: value, etag: before === undefined ? file.etag : before.etag }));
        }}
      />
      {save.isError && !isConflict(save.error) && (
        <ErrorNotice error={save.error} title="The file was not saved." />
      )}
      {save.isError && isConflict(save.error) && (
        <div className="notice notice-warning" role="alert">
          <p>
            <strong>The file was not saved, because it has changed since you opened it.</strong>
          </p>
          <p className="notice-foot">
            <button
              type="button"
              className="button button-small"
              onClick={() => save.mutate({ text, etag: undefined })}
            >
              Overwrite
            </button>
            <button type="button" className="button button-small" onClick={() => void reload()}>
              Reload the file
            </button>
          </p>
        </div>
      )}
      <div className="actions">
        <button
          type="button"
          className="button button-primary button-small"
          disabled={!changed || save.isPending}
          onClick={() => save.mutate(draft ?? { text, etag: file.etag })}
        >
          Save
        </button>
        <button
          type="button"
          className="button button-small"
          disabled={!changed || save.isPending}
          onClick={() => setDraft(undefined)}
        >
          Discard changes
        </button>
      </div>
    </>
  );
}
