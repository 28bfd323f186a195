/** Terminal of a process in a web page. */
import { type CSSProperties, useId, useRef } from "react";
import { cx } from "../internal/class-names.ts";
import { barButtonStyle, barStyle, frameStyle, stateColors } from "../internal/frame-styles.ts";
import { type TerminalHandle, useTerminal } from "../internal/use-terminal.ts";
import type { ProcessTerminalClient, TerminalErrorStatus, TerminalExitStatus } from "./terminal-types.ts";

export interface ProcessTerminalProps {
  /** A `SandboxAgent`. */
  client: ProcessTerminalClient;
  /** A process that was started with `tty`. */
  processId: string;
  className?: string;
  style?: CSSProperties;
  terminalStyle?: CSSProperties;
  statusBarStyleOverride?: CSSProperties;
  /** Height without the status bar; 360 by default. */
  height?: number | string;
  showStatusBar?: boolean;
  /** The terminal's name for assistive technology; "Terminal" by default. */
  label?: string;
  /** True by default. */
  autoFocus?: boolean;
  onExit?: (status: TerminalExitStatus) => void;
  onError?: (error: TerminalErrorStatus | Error) => void;
}

const screenStyle: CSSProperties = {
  boxSizing: "border-box",
  display: "flex",
  minHeight: 120,
  padding: 8,
  overflow: "hidden",
};
/** No margin: the emulator uses the complete height of its host for rows. */
const hostStyle: CSSProperties = { flex: 1, minWidth: 0, minHeight: 0, overflow: "hidden" };
/**
 * The terminal of a process. It shows earlier output, adapts to its size, and reconnects by itself at the same byte
 * when the connection breaks.
 */
export function ProcessTerminal(props: ProcessTerminalProps) {
  const { client, processId, showStatusBar = true, height = 360, label = "Terminal" } = props;
  const host = useRef<HTMLDivElement>(null);
  const id = useId();
  const { autoFocus = true, onExit, onError } = props;
  const terminal = useTerminal(host, { client, processId, label, autoFocus, onExit, onError });
  const { state } = terminal;
  return (
    <section
      aria-label={label}
      aria-describedby={`${id}-keys`}
      className={cx("sa-process-terminal", props.className)}
      data-slot="root"
      data-state={state.kind}
      style={{ ...frameStyle, ...props.style }}
    >
      {showStatusBar && (
        <div
          className="sa-process-terminal-status-bar"
          data-slot="status-bar"
          style={{ ...barStyle, ...props.statusBarStyleOverride }}
        >
          <span role="status" data-slot="status" style={{ color: colors[state.kind] }}>
            {describeState(state)}
          </span>
          {(state.kind === "lost" || state.kind === "reconnecting") && (
            <button type="button" data-slot="retry" style={barButtonStyle} onClick={terminal.retry}>
              Reconnect now
            </button>
          )}
          <span id={`${id}-keys`} data-slot="keys">
            {terminal.tabLeaves ? "Tab leaves the terminal" : "Tab is sent to the program"} (Control+M)
          </span>
          {state.kind === "exited" && state.exitCode !== null && (
            <span data-slot="exit-code">exit={state.exitCode}</span>
          )}
        </div>
      )}
      <div
        role="presentation"
        className="sa-process-terminal-screen"
        data-slot="screen"
        style={{ ...screenStyle, height, ...props.terminalStyle }}
      >
        <div ref={host} role="presentation" style={hostStyle} />
      </div>
    </section>
  );
}

const colors: Readonly<Record<TerminalHandle["state"]["kind"], string>> = {
  connecting: stateColors.neutral,
  ready: stateColors.good,
  reconnecting: stateColors.warning,
  lost: stateColors.bad,
  failed: stateColors.bad,
  exited: stateColors.warning,
};

function describeState(state: TerminalHandle["state"]): string {
  switch (state.kind) {
    case "connecting":
      return "Connecting…";
    case "ready":
      return "Connected";
    case "reconnecting":
      return `Connection lost. Reconnecting (attempt ${state.attempt})…`;
    case "lost":
      return `Disconnected: ${state.message}`;
    case "failed":
      return state.message;
    case "exited":
      return state.exitCode === null ? "Process exited." : `Process exited with code ${state.exitCode}.`;
  }
}
