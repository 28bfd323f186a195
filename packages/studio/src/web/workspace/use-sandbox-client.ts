import { useQuery } from "@tanstack/react-query";
import { useTaskSandbox } from "./task-sandbox.ts";

/** The client of the sandbox, once it is there. */
export function useSandboxClient() {
  const sandbox = useTaskSandbox();
  return useQuery({
    queryKey: ["sandbox-client", sandbox.taskId],
    queryFn: () => sandbox.client(),
    staleTime: Number.POSITIVE_INFINITY,
    // It is no data: two clients are never equal.
    structuralSharing: false,
  });
}
