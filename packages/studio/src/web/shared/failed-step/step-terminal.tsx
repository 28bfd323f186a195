import { SandboxAgent } from "@holdfast/sandbox-client";
import { ProcessTerminal } from "@holdfast/sandbox-react";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";

/** The terminal itself; the default export of a part that is loaded with the first one. */
export default function StepTerminal({
  baseUrl,
  processId,
}: {
  /** Address of the sandbox. */
  readonly baseUrl: string;
  readonly processId: string;
}) {
  const { data: client, error } = useQuery({
    queryKey: ["step-sandbox", baseUrl],
    queryFn: () => SandboxAgent.connect({ baseUrl, skipHealthCheck: true }),
    staleTime: Number.POSITIVE_INFINITY,
    // It is no data: two clients are never equal.
    structuralSharing: false,
  });
  if (error !== null) return <ErrorNotice error={error} />;
  if (client === undefined) return <Loading label="Loading the terminal" />;
  return (
    <ProcessTerminal
      className="failed-step-terminal"
      client={client}
      processId={processId}
      height="clamp(9rem, 26dvh, 20rem)"
    />
  );
}
