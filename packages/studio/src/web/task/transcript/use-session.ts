import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createTranscript } from "../../../transcript.ts";
import { useApi } from "../../shared/context.ts";
import { SessionLog, type SessionLogState } from "./session-log.ts";

const initial: SessionLogState = { transcript: createTranscript(), phase: "loading" };

/** Minimum interval between renders while an agent streams. */
const renderIntervalMs = 40;

/** The live transcript of a session. */
export function useSessionLog(sessionId: string | undefined): SessionLogState {
  const api = useApi();
  const [log, setLog] = useState<SessionLog>();
  const listeners = useRef(new Set<() => void>());

  useEffect(() => {
    if (sessionId === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const render = () => {
      timer = undefined;
      for (const listener of listeners.current) listener();
    };
    const next = new SessionLog(api.session(sessionId), () => {
      timer ??= setTimeout(render, renderIntervalMs);
    });
    const unwatch = api.watchSession(sessionId, {
      on: { appended: (events) => next.appended(events) },
      onState: (state) => next.linkChanged(state),
    });
    setLog(next);
    return () => {
      clearTimeout(timer);
      unwatch();
      next.end();
    };
  }, [api, sessionId]);

  const subscribe = useCallback((listener: () => void) => {
    listeners.current.add(listener);
    return () => listeners.current.delete(listener);
  }, []);
  return useSyncExternalStore(subscribe, () => log?.state ?? initial);
}
