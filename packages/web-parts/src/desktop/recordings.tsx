import type { DesktopRecordingInfo, SandboxAgent } from "@holdfast/sandbox-client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { formatBytes, formatDateTime, formatDuration } from "../format.ts";
import { DialogButton } from "../internal/dialog-button.tsx";
import { saveBlob } from "../save-blob.ts";
import { useAnnounce } from "../ui/announcer.tsx";
import { ConfirmButton } from "../ui/confirm-button.tsx";
import { ErrorNotice, Loading } from "../ui/notice.tsx";
import { RecordingDialog, readRecording } from "./recording-dialog.tsx";

/** A recording grows while it runs, and agents start and stop them as well. */
const refetchInterval = 3_000;

/** Recordings of the desktop: started, stopped, played, downloaded and deleted. Those of earlier desktops are kept. */
export function Recordings({
  client,
  scope,
  mayUse,
  isActive,
}: {
  readonly client: SandboxAgent;
  readonly scope: string;
  readonly mayUse: boolean;
  /** True while there is a desktop to record. */
  readonly isActive: boolean;
}) {
  const queries = useQueryClient();
  const announce = useAnnounce();
  const queryKey = ["desktop", scope, "recordings"];
  const { data, error, refetch } = useQuery({
    queryKey,
    queryFn: async () => (await client.listDesktopRecordings()).recordings,
    refetchInterval,
  });
  const refresh = () => queries.invalidateQueries({ queryKey });
  const start = useMutation({
    mutationFn: () => client.startDesktopRecording(),
    onSuccess: () => announce("The desktop is recorded."),
    onSettled: refresh,
  });
  const stop = useMutation({
    mutationFn: () => client.stopDesktopRecording(),
    onSuccess: ({ fileName }) => announce(`${fileName} is complete.`),
    onSettled: refresh,
  });
  if (data === undefined) {
    if (error === null) return <Loading label="Loading the recordings" rows={2} />;
    return <ErrorNotice error={error} onRetry={() => void refetch()} />;
  }
  const isRecording = data.some(({ status }) => status === "recording");
  const change = isRecording ? stop : start;
  const failure = start.error ?? stop.error;
  return (
    <>
      {mayUse && isActive && (
        <span className="desktop-line">
          <button
            type="button"
            className={isRecording ? "button button-small button-stop" : "button button-small"}
            disabled={start.isPending || stop.isPending}
            onClick={() => change.mutate()}
          >
            {isRecording ? "Stop recording" : "Start recording"}
          </button>
        </span>
      )}
      {failure !== null && <ErrorNotice error={failure} title="The recording failed." />}
      {data.length === 0 && <p className="muted">No recordings yet.</p>}
      <ul className="desktop-list" aria-label="Recordings">
        {data.toReversed().map((recording) => (
          <li key={recording.id}>
            <Facts recording={recording} />
            <Actions client={client} recording={recording} mayDelete={mayUse} onDelete={refresh} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Facts({ recording }: { readonly recording: DesktopRecordingInfo }) {
  const { fileName, startedAt, endedAt, bytes, status } = recording;
  const began = Date.parse(startedAt);
  return (
    <span className="desktop-item">
      <strong>{fileName}</strong>
      <span className="muted">
        {formatDateTime(began)}
        {typeof endedAt === "string" && ` · ${formatDuration(Date.parse(endedAt) - began)}`}
        {` · ${formatBytes(bytes)}`}
      </span>
      {status !== "completed" && (
        <span className={status === "failed" ? "tag tag-unsafe" : "tag tag-attention"}>{status}</span>
      )}
    </span>
  );
}

function Actions({
  client,
  recording,
  mayDelete,
  onDelete,
}: {
  readonly client: SandboxAgent;
  readonly recording: DesktopRecordingInfo;
  readonly mayDelete: boolean;
  readonly onDelete: () => Promise<void>;
}) {
  const { id, fileName, status, bytes } = recording;
  const download = useMutation({
    mutationFn: async () => saveBlob(await readRecording(client, id), fileName),
  });
  // The player reads a video once, so one that still grows would end too early.
  if (status === "recording") return null;
  return (
    <span className="desktop-line">
      <DialogButton
        label="Play"
        accessibleLabel={`Play ${fileName}`}
        disabled={bytes === 0}
        dialog={(onClose) => <RecordingDialog client={client} recording={recording} onClose={onClose} />}
      />
      <button
        type="button"
        className="button button-small"
        aria-label={`Download ${fileName}`}
        disabled={bytes === 0 || download.isPending}
        onClick={() => download.mutate()}
      >
        Download
      </button>
      {mayDelete && (
        <ConfirmButton
          label="Delete"
          accessibleLabel={`Delete ${fileName}`}
          title={`Delete ${fileName}?`}
          confirmLabel="Delete"
          onConfirm={async () => {
            await client.deleteDesktopRecording(id);
            await onDelete();
          }}
        >
          <p>This cannot be undone.</p>
        </ConfirmButton>
      )}
      {download.isError && <ErrorNotice error={download.error} title="The download failed." />}
    </span>
  );
}
