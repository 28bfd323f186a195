import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { DesktopPane } from "@holdfast/web-parts/desktop";
import { useTaskSandbox } from "../task-sandbox.ts";
import { useSandboxClient } from "../use-sandbox-client.ts";

/** The desktop in the jail of a task; the default export of a part that is loaded when it is shown. */
export default function DesktopView({ mayWrite }: { readonly mayWrite: boolean }) {
  const { taskId } = useTaskSandbox();
  const { data: client, error } = useSandboxClient();
  if (error !== null) return <ErrorNotice error={error} />;
  if (client === undefined) return <Loading label="Loading the desktop" />;
  // A jail has no network: the picture comes through its control socket.
  return <DesktopPane client={client} scope={taskId} mayUse={mayWrite} transport="frames" />;
}
