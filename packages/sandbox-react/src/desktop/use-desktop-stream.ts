import { useCallback, useEffect, useRef, useState } from "react";
import { useLatest } from "../internal/latest.ts";
import type {
  DesktopStreamErrorStatus,
  DesktopStreamLink,
  DesktopStreamReadyStatus,
  DesktopTransport,
  DesktopViewerClient,
} from "./desktop-types.ts";

export type DesktopConnection =
  | { readonly kind: "connecting" }
  | { readonly kind: "ready"; readonly width: number; readonly height: number }
  /** The connection broke and is being reopened. */
  | { readonly kind: "reconnecting"; readonly attempt: number }
  /** No attempt succeeded, or the server has said why not. */
  | { readonly kind: "lost"; readonly message: string };

export interface DesktopStreamUse {
  readonly client: DesktopViewerClient;
  readonly viewOnly: boolean;
  readonly transport: DesktopTransport;
  readonly onConnect: ((status: DesktopStreamReadyStatus) => void) | undefined;
  readonly onDisconnect: (() => void) | undefined;
  readonly onError: ((error: DesktopStreamErrorStatus | Error) => void) | undefined;
}

export interface DesktopStreamHandle {
  readonly state: DesktopConnection;
  readonly stream: MediaStream | undefined;
  /** The connection of now. */
  readonly link: () => DesktopStreamLink | undefined;
  readonly retry: () => void;
}

/** Delays before the attempts after a break; after the last one it gives up. */
const delaysMs = [250, 500, 1_000, 2_000, 4_000, 8_000];

/** Connects to the stream of a desktop, and again when the connection breaks. */
export function useDesktopStream(use: DesktopStreamUse): DesktopStreamHandle {
  const { client, viewOnly, transport } = use;
  const [state, setState] = useState<DesktopConnection>({ kind: "connecting" });
  const [stream, setStream] = useState<MediaStream>();
  const [round, setRound] = useState(0);
  const latest = useLatest(use);
  const current = useRef<DesktopStreamLink>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a retry connects anew.
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let attempt = 0;
    let ended = false;
    const connect = () => {
      let problem: DesktopStreamErrorStatus | Error | undefined;
      const link = client.connectDesktopStream({ viewOnly, transport });
      current.current = link;
      link.onReady((status) => {
        if (ended) return;
        attempt = 0;
        setState({ kind: "ready", width: status.width, height: status.height });
        latest.current.onConnect?.(status);
      });
      link.onTrack((track) => {
        if (!ended) setStream(track);
      });
      link.onError((error) => {
        if (ended) return;
        problem = error;
        latest.current.onError?.(error);
      });
      link.onDisconnect(() => {
        if (ended) return;
        setStream(undefined);
        latest.current.onDisconnect?.();
        const delay = delaysMs[attempt];
        // What the server has said holds until somebody changes it.
        if (delay === undefined || (problem !== undefined && !(problem instanceof Error))) {
          setState({ kind: "lost", message: problem?.message ?? "The server does not answer." });
          return;
        }
        attempt += 1;
        setState({ kind: "reconnecting", attempt });
        timer = setTimeout(connect, delay);
      });
    };
    setState({ kind: "connecting" });
    connect();
    return () => {
      ended = true;
      clearTimeout(timer);
      current.current?.close();
      current.current = undefined;
      setStream(undefined);
    };
  }, [client, viewOnly, transport, round, latest]);
  return {
    state,
    stream,
    link: useCallback(() => current.current, []),
    retry: useCallback(() => setRound((before) => before + 1), []),
  };
}
