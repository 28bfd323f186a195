import { useEffect, useState, useSyncExternalStore } from "react";
import { useApi } from "./context.ts";
import { type LogSnapshot, SessionLog } from "./session-log.ts";

const nothing: LogSnapshot = { events: [], gaps: [], from: 1, link: "connecting" };

export interface SessionLogView extends LogSnapshot {
  readonly loadOlder: () => Promise<void>;
}

/** The live log of a session while a screen shows it; starts once `lastSequence` is known. */
export function useSessionLog(id: string, lastSequence: number | undefined): SessionLogView {
  const api = useApi();
  const [log, setLog] = useState<SessionLog>();
  const known = lastSequence !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the first number says where to begin.
  useEffect(() => {
    if (!known) return;
    const opened = new SessionLog(api, id);
    setLog(opened);
    void opened.run(lastSequence);
    return () => {
      opened.close();
      setLog(undefined);
    };
  }, [api, id, known]);
  const snapshot = useSyncExternalStore(log?.subscribe ?? never, log?.snapshot ?? empty);
  return { ...snapshot, loadOlder: async () => await log?.loadOlder() };
}

function never(): () => void {
  return () => undefined;
}

function empty(): LogSnapshot {
  return nothing;
}
