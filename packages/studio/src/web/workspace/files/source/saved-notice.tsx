import { TimeAgo } from "@holdfast/web-parts";
import type { ReactNode } from "react";

/** Says what is shown while the sandbox does not run, and how to start it. */
export function SavedNotice({
  savedAt,
  onPrompt,
}: {
  readonly savedAt: number | undefined;
  readonly onPrompt: () => void;
}): ReactNode {
  return (
    <p className="notice work-stopped" role="status">
      The sandbox is not running. The files are shown as they were{" "}
      {savedAt === undefined ? "at the end of the last turn" : <TimeAgo at={savedAt} />}, and can be read.{" "}
      <button type="button" className="link-button" onClick={onPrompt}>
        Send a prompt to start it again
      </button>
    </p>
  );
}
