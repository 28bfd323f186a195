import { ProcessTerminal } from "@holdfast/sandbox-react";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useSandboxClient } from "../use-sandbox-client.ts";

/** One terminal; the default export of a part that is loaded with the first one. */
export default function TerminalView({
  processId,
  onExit,
}: {
  readonly processId: string;
  readonly onExit: () => void;
}) {
  const { data: client, error } = useSandboxClient();
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
