import { useEffect, useState, useSyncExternalStore } from "react";
import { useApi } from "./context.ts";
import { type LogSnapshot, SessionLog } from "./session-log.ts";

const emptySnapshot: LogSnapshot = { events: [], gaps: [], from: 1, link: "connecting" };

export interface SessionLogView extends LogSnapshot {
  readonly loadOlder: () => Promise<void>;
}

/** The live log of a session while a screen shows it; starts once `lastSequence` is known. */
export function useSessionLog(id: string, lastSequence: number | undefined): SessionLogView {
  const api = useApi();
  const [log, setLog] = useState<SessionLog>();
  const isReady = lastSequence !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the first value is used.
  useEffect(() => {
    if (!isReady) return;
    const opened = new SessionLog(api, id);
    setLog(opened);
    void opened.run(lastSequence);
    return () => {
      opened.close();
      setLog(undefined);
    };
  }, [api, id, isReady]);
  const snapshot = useSyncExternalStore(
    log?.subscribe ?? subscribeToNothing,
    log?.snapshot ?? getEmptySnapshot,
  );
  return { ...snapshot, loadOlder: async () => await log?.loadOlder() };
}

function subscribeToNothing(): () => void {
  return () => undefined;
}

function getEmptySnapshot(): LogSnapshot {
  return emptySnapshot;
}
