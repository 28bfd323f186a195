import { useAnnounce } from "@holdfast/web-parts";
import { type MouseEvent, useEffect, useState } from "react";
import type { TaskView } from "../../contract.ts";
import { turnKey } from "../shared/turn-ends.ts";

/** Why a click did not open the sandbox. */
const idleText =
  "The sandbox is not running: it stops when the agent has been idle. Send a prompt to start it again.";
const preparingText = "The sandbox is still being prepared.";

/**
 * Opens the processes and files of a task's sandbox, which is another app on the same server. The sandbox stops when
 * its agent is idle, so a click checks first and reports that here instead of opening an error page.
 */
export function SandboxLink({ task }: { readonly task: TaskView }) {
  const announce = useAnnounce();
  const [stopped, setStopped] = useState(false);
  const { id, status } = task;
  const turn = turnKey(task);
  // The agent works again, or has just stopped.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the turn is what makes the notice old.
  useEffect(() => setStopped(false), [turn]);
  const href = `/tasks/${id}/sandbox/ui/processes`;
  const words = status === "preparing" ? preparingText : idleText;
  const open = async (event: MouseEvent) => {
    // The browser opens new tabs and windows itself.
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

/** False only if the server reports that there is no sandbox; the app itself shows any other failure. */
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
