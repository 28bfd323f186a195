import type { DesktopRecordingInfo, SandboxAgent } from "@holdfast/sandbox-client";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState } from "react";
import { readBlob } from "../sandbox/index.ts";
import { ErrorNotice, Loading } from "../ui/notice.tsx";

/** Plays a recording. The page requests it with its token, which the address of a video could not have. */
export function RecordingDialog({
  client,
  recording: { id, fileName },
  onClose,
}: {
  readonly client: SandboxAgent;
  readonly recording: DesktopRecordingInfo;
  readonly onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  const { data, error, refetch } = useQuery({
    queryKey: ["desktop-recording", id],
    queryFn: () => readRecording(client, id),
    // The video is held only while it is shown.
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
  });
  const url = useObjectUrl(data);
  return (
    <dialog ref={dialog} className="dialog desktop-recording" aria-labelledby={titleId} onClose={onClose}>
      <h2 id={titleId}>{fileName}</h2>
      {error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {url === undefined && error === null && <Loading label="Loading the recording" />}
      {/* A recording has no sound. */}
      {url !== undefined && <video src={url} aria-label={`Recording ${fileName}`} controls autoPlay muted />}
      <div className="dialog-foot">
        <button type="button" className="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

export async function readRecording(client: SandboxAgent, id: string): Promise<Blob> {
  const response = await client.fetchDesktopRecording(id);
  const path = `/v1/desktop/recordings/${encodeURIComponent(id)}/download`;
  // The server may be the agent itself: the type is not what it says.
  return new Blob([await readBlob(response, `A program can read it: GET ${path}`)], { type: "video/mp4" });
}

/** The address of a blob within this page, as long as it is shown. */
function useObjectUrl(blob: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (blob === undefined) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => {
      setUrl(undefined);
      URL.revokeObjectURL(made);
    };
  }, [blob]);
  return url;
}
