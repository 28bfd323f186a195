import { useAnnounce } from "@holdfast/web-parts";
import { type MouseEvent, useEffect, useState } from "react";
import type { TaskView } from "../../contract.ts";

/** What a click found out when it did not lead to the sandbox. */
const idleWords =
  "The sandbox is not running: it stops when the agent has been idle. Send a prompt to start it again.";
const preparingWords = "The sandbox is still being prepared.";

/**
 * Leads to the processes and files of a task's sandbox, which is another app of the same server. The sandbox
 * stops with its idle agent, so a click asks first and says so here instead of leading to an error page.
 */
export function SandboxLink({ task }: { readonly task: TaskView }) {
  const announce = useAnnounce();
  const [stopped, setStopped] = useState(false);
  const { id, status } = task;
  // A status that changes means that the agent works again, or has just stopped.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the status is what makes the notice old.
  useEffect(() => setStopped(false), [status]);
  const href = `/tasks/${id}/sandbox/ui/processes`;
  const words = status === "preparing" ? preparingWords : idleWords;
  const open = async (event: MouseEvent) => {
    // A new tab or window is the browser's to open.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    if (await isRunning(id)) {
      window.location.assign(href);
      return;
    }
    setStopped(true);
    announce(words);
  };
  return (
    <>
      <a href={href} onClick={(event) => void open(event)}>
        Processes and files
      </a>
      {stopped && <span className="sandbox-stopped">{words}</span>}
    </>
  );
}

/** False only where the server says that there is no sandbox; any other failure is shown by the app itself. */
async function isRunning(taskId: string): Promise<boolean> {
  try {
    const response = await fetch(`/tasks/${taskId}/sandbox/v1/health`, { cache: "no-store" });
    if (response.ok) return true;
    const problem: unknown = await response.json();
    const code =
      typeof problem === "object" && problem !== null && "code" in problem ? problem.code : undefined;
    return code !== "sandbox_not_running";
  } catch {
    return true;
  }
}
