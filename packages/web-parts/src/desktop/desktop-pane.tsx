import "./desktop.css";
import type { SandboxAgent } from "@holdfast/sandbox-client";
import { DesktopViewer } from "@holdfast/sandbox-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ConfirmButton } from "../ui/confirm-button.tsx";
import { Empty, ErrorNotice, Loading } from "../ui/notice.tsx";
import { Clipboard } from "./clipboard.tsx";
import { Launch } from "./launch.tsx";
import { type Panel, Panels } from "./panels.tsx";
import { Recordings } from "./recordings.tsx";
import { Windows } from "./windows.tsx";

export interface DesktopPaneProps {
  readonly client: SandboxAgent;
  /** Of the sandbox, among the cached answers of the page. */
  readonly scope: string;
  /** False for people who may only look. */
  readonly mayUse: boolean;
  /** `frames` where no UDP reaches the sandbox. */
  readonly transport: "auto" | "frames";
}

type Status = Awaited<ReturnType<SandboxAgent["getDesktopStatus"]>>;

/** Nobody tells when an agent starts or stops the desktop. */
const refetchInterval = 3_000;
const size = { width: 1_280, height: 800 };

/** The desktop of a sandbox: started, seen and used. */
export function DesktopPane({ client, scope, mayUse, transport }: DesktopPaneProps) {
  const queries = useQueryClient();
  const queryKey = ["desktop", scope];
  const { data, error, refetch } = useQuery({
    queryKey,
    queryFn: () => client.getDesktopStatus(),
    refetchInterval,
  });
  const keep = (status: Status) => queries.setQueryData(queryKey, status);
  const start = useMutation({ mutationFn: () => client.startDesktop(size), onSuccess: keep });
  if (data === undefined && error !== null) {
    return (
      <ErrorNotice error={error} title="The desktop could not be asked." onRetry={() => void refetch()} />
    );
  }
  if (data === undefined) return <Loading label="Loading the desktop" />;
  const isActive = data.state === "active";
  const recordings: Panel = {
    id: "recordings",
    label: "Recordings",
    content: <Recordings client={client} scope={scope} mayUse={mayUse} isActive={isActive} />,
  };
  if (!isActive) {
    return (
      <div className="desktop-off">
        <Panels panels={[recordings]} />
        {start.isError && <ErrorNotice error={start.error} title="The desktop was not started." />}
        <Inactive
          status={data}
          mayStart={mayUse}
          isStarting={start.isPending || data.state === "starting"}
          onStart={() => start.mutate()}
        />
      </div>
    );
  }
  const windows: Panel = {
    id: "windows",
    label: "Windows",
    content: (
      <Windows client={client} windows={data.windows ?? []} mayUse={mayUse} onChange={() => void refetch()} />
    ),
  };
  const forUse: readonly Panel[] = [
    {
      id: "launch",
      label: "Launch",
      content: <Launch client={client} scope={scope} onChange={() => void refetch()} />,
    },
    { id: "clipboard", label: "Clipboard", content: <Clipboard client={client} /> },
  ];
  return (
    <div className="desktop-pane">
      <Panels panels={mayUse ? [windows, ...forUse, recordings] : [windows, recordings]}>
        {!mayUse && <span className="muted small">Using the desktop needs the role “member”.</span>}
        {mayUse && (
          <ConfirmButton
            label="Stop the desktop"
            title="Stop the desktop?"
            confirmLabel="Stop"
            onConfirm={async () => keep(await client.stopDesktop())}
          >
            <p>All programs on it are ended.</p>
          </ConfirmButton>
        )}
      </Panels>
      {/* Another start is another desktop. */}
      <DesktopViewer
        key={data.startedAt}
        className="desktop-viewer"
        client={client}
        height="100%"
        viewOnly={!mayUse}
        transport={transport}
        onDisconnect={() => void refetch()}
      />
    </div>
  );
}

function Inactive({
  status,
  mayStart,
  isStarting,
  onStart,
}: {
  readonly status: Status;
  readonly mayStart: boolean;
  readonly isStarting: boolean;
  readonly onStart: () => void;
}) {
  const { state, missingDependencies: missing = [], installCommand, lastError } = status;
  if (missing.length > 0) {
    return (
      <Empty title="The programs of a desktop are not installed">
        <p>Missing: {missing.join(", ")}. Install them on the machine of the sandbox:</p>
        <p>
          <code>{installCommand ?? "holdfast sandbox install desktop --yes"}</code>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title={state === "failed" ? "The desktop has failed" : "No desktop is running"}>
      {state === "failed" && lastError && <p>{lastError.message}</p>}
      <p>A desktop is a screen for programs with windows, which agents and people use.</p>
      {mayStart ? (
        <p>
          <button type="button" className="button button-primary" disabled={isStarting} onClick={onStart}>
            {isStarting ? "Starting…" : "Start the desktop"}
          </button>
        </p>
      ) : (
        <p>Starting it needs the role “member”.</p>
      )}
    </Empty>
  );
}
