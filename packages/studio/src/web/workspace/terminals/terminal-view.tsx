import { ProcessTerminal } from "@holdfast/sandbox-react";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useTaskSandbox } from "../task-sandbox.ts";

/** One terminal; the default export of a part that is loaded with the first one. */
export default function TerminalView({
  processId,
  onExit,
}: {
  readonly processId: string;
  readonly onExit: () => void;
}) {
  const sandbox = useTaskSandbox();
  const { data: client, error } = useQuery({
    queryKey: ["sandbox-client", sandbox.taskId],
    queryFn: () => sandbox.client(),
    staleTime: Number.POSITIVE_INFINITY,
    // It is no data: two clients are never equal.
    structuralSharing: false,
  });
  if (error !== null) return <ErrorNotice error={error} />;
  if (client === undefined) return <Loading label="Loading the terminal" />;
  return (
    <ProcessTerminal
      className="terminal-box"
      client={client}
      processId={processId}
      height="100%"
      onExit={onExit}
    />
  );
}
