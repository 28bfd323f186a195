/** The live desktop of a sandbox in a web page. */
import { type CSSProperties, useEffect, useId, useRef } from "react";
import { cx } from "../internal/class-names.ts";
import { barButtonStyle, barStyle, frameStyle, stateColors } from "../internal/frame-styles.ts";
import type {
  DesktopStreamErrorStatus,
  DesktopStreamReadyStatus,
  DesktopTransport,
  DesktopViewerClient,
} from "./desktop-types.ts";
import { useDesktopInput } from "./use-desktop-input.ts";
import { type DesktopConnection, useDesktopStream } from "./use-desktop-stream.ts";

export interface DesktopViewerProps {
  /** A `SandboxAgent`. Its desktop must have been started. */
  client: DesktopViewerClient;
  className?: string;
  style?: CSSProperties;
  /** Of the picture. */
  imageStyle?: CSSProperties;
  /** Height without the status bar; 480 by default. */
  height?: number | string;
  showStatusBar?: boolean;
  /** The desktop's name for assistive technology; "Desktop" by default. */
  label?: string;
  /** Shows the desktop and takes no input. */
  viewOnly?: boolean;
  /** How the picture comes; by default WebRTC, and JPEG frames if it does not connect. */
  transport?: DesktopTransport;
  onConnect?: (status: DesktopStreamReadyStatus) => void;
  onDisconnect?: () => void;
  onError?: (error: DesktopStreamErrorStatus | Error) => void;
}

const wrappingBarStyle: CSSProperties = { ...barStyle, flexWrap: "wrap", gap: "2px 12px" };
const screenStyle: CSSProperties = { position: "relative", overflow: "hidden", touchAction: "none" };
const videoStyle: CSSProperties = {
  display: "block",
  width: "100%",
  height: "100%",
  objectFit: "contain",
  userSelect: "none",
  pointerEvents: "none",
};
/**
 * The desktop of a sandbox, live: it shows the screen, takes the pointer, the wheel and keys, and reconnects by itself
 * when the connection breaks.
 */
export function DesktopViewer(props: DesktopViewerProps) {
  const { client, height = 480, showStatusBar = true, label = "Desktop" } = props;
  const { viewOnly = false, transport = "auto", onConnect, onDisconnect, onError } = props;
  const id = useId();
  const root = useRef<HTMLElement>(null);
  const screen = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const desktop = useDesktopStream({ client, viewOnly, transport, onConnect, onDisconnect, onError });
  const { state, stream, link } = desktop;
  const size = state.kind === "ready" ? state : undefined;
  const isEnabled = !viewOnly && stream !== undefined;
  useDesktopInput({ screen, size, link, isEnabled, onLeave: () => root.current?.focus() });
  useEffect(() => {
    if (video.current === null) return;
    video.current.srcObject = stream ?? null;
    // A page that plays nothing by itself shows the first picture.
    if (stream !== undefined) video.current.play().catch(() => {});
  }, [stream]);
  return (
    <section
      ref={root}
      aria-label={label}
      tabIndex={-1}
      className={cx("sa-desktop-viewer", props.className)}
      data-slot="root"
      data-state={state.kind}
      style={{ ...frameStyle, ...props.style }}
    >
      {showStatusBar && (
        <div className="sa-desktop-viewer-status-bar" data-slot="status-bar" style={wrappingBarStyle}>
          <span role="status" data-slot="status" style={{ color: colors[state.kind] }}>
            {describeState(state)}
          </span>
          {(state.kind === "lost" || state.kind === "reconnecting") && (
            <button type="button" data-slot="retry" style={barButtonStyle} onClick={desktop.retry}>
              Reconnect now
            </button>
          )}
          <span data-slot="hint">
            {viewOnly ? "View only" : "Control+Alt+Escape leaves the desktop"}
            {size !== undefined && ` · ${size.width} × ${size.height}`}
          </span>
        </div>
      )}
      <div
        ref={screen}
        role="application"
        aria-label={`${label}: screen`}
        aria-describedby={`${id}-keys`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes the keys while it has the focus.
        tabIndex={0}
        className="sa-desktop-viewer-screen"
        data-slot="screen"
        style={{ ...screenStyle, height }}
      >
        <span id={`${id}-keys`} hidden>
          {viewOnly ? "View only" : "Keys go to the desktop. Control+Alt+Escape leaves it."}
        </span>
        <video
          ref={video}
          autoPlay
          playsInline
          muted
          tabIndex={-1}
          aria-hidden="true"
          data-slot="video"
          style={{ ...videoStyle, ...props.imageStyle }}
        />
      </div>
    </section>
  );
}

const colors: Readonly<Record<DesktopConnection["kind"], string>> = {
  connecting: stateColors.neutral,
  ready: stateColors.good,
  reconnecting: stateColors.warning,
  lost: stateColors.bad,
};

function describeState(state: DesktopConnection): string {
  switch (state.kind) {
    case "connecting":
      return "Connecting…";
    case "ready":
      return "Connected";
    case "reconnecting":
      return `Connection lost. Reconnecting (attempt ${state.attempt})…`;
    case "lost":
      return `Disconnected: ${state.message}`;
  }
}
