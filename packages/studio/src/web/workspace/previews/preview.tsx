/** What a program in the sandbox serves on a port, in a frame. */
import { CrossIcon, ErrorNotice, Loading, RefreshIcon } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useTaskSandbox } from "../task-sandbox.ts";

/** The access lasts an hour, and longer while it is shown. */
const renewMs = 20 * 60_000;

/**
 * Without these a page could open windows, or lead the whole tab elsewhere, and take along what it knows of the workspace.
 */
const allowed = "allow-scripts allow-same-origin allow-forms allow-modals allow-downloads";

interface PreviewProps {
  readonly port: number;
  /** What else is in the head, at its end. */
  readonly children?: ReactNode;
}

export function Preview({ port, children }: PreviewProps) {
  const sandbox = useTaskSandbox();
  const [round, setRound] = useState(0);
  const { data, error, isFetching } = useQuery({
    queryKey: ["preview", sandbox.taskId, port, round],
    queryFn: () => sandbox.openPreview(port),
    staleTime: Number.POSITIVE_INFINITY,
    // Each address works once.
    gcTime: 0,
    retry: false,
    refetchOnReconnect: false,
  });
  useEffect(() => {
    const timer = setInterval(() => void sandbox.openPreview(port).catch(() => {}), renewMs);
    return () => clearInterval(timer);
  }, [sandbox, port]);
  return (
    <section className="preview" aria-label={`Preview of port ${port}`}>
      <header className="file-head">
        <h2 className="file-path">Port {port}</h2>
        <span className="file-actions">
          <button
            type="button"
            className="button button-small"
            disabled={isFetching}
            onClick={() => setRound((known) => known + 1)}
          >
            <RefreshIcon />
            Reload
          </button>
          {children}
        </span>
      </header>
      {error !== null && (
        <ErrorNotice
          error={error}
          title="The preview could not be opened."
          onRetry={() => setRound((known) => known + 1)}
        />
      )}
      {data === undefined && error === null && <Loading label="Opening the preview" rows={8} />}
      {data !== undefined && (
        <iframe
          key={data.url}
          className="preview-frame"
          title={`Port ${port}`}
          src={data.url}
          sandbox={allowed}
          allow=""
          referrerPolicy="no-referrer"
        />
      )}
    </section>
  );
}

/** A preview among the panes of the workspace. */
export function PreviewPane({ port, onClose }: { readonly port: number; readonly onClose: () => void }) {
  const { taskId } = useTaskSandbox();
  return (
    <Preview port={port}>
      <a
        className="button button-small"
        href={`/tasks/${encodeURIComponent(taskId)}/preview/${port}`}
        target="_blank"
        rel="noreferrer"
      >
        Open in a tab
      </a>
      <button
        type="button"
        className="icon-button"
        aria-label="Close the preview"
        title="Close"
        onClick={onClose}
      >
        <CrossIcon />
      </button>
    </Preview>
  );
}
