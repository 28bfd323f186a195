/** Hooks, styles and terminal plumbing of the components. */
import { type RefObject, useEffect, useRef, useState } from "react";
import { componentLimits } from "../limits.ts";
import type {
  ProcessTerminalClient,
  TerminalErrorStatus,
  TerminalExitStatus,
} from "../terminal/terminal-types.ts";
import { useLatest } from "./latest.ts";
import { prefersReducedMotion } from "./motion.ts";
import { TerminalConnection, type TerminalState } from "./terminal-connection.ts";
import { adoptRefusedStyles, adoptTerminalStyles } from "./terminal-styles.ts";
import { terminalTheme } from "./terminal-theme.ts";

export interface UseTerminalOptions {
  readonly client: ProcessTerminalClient;
  readonly processId: string;
  readonly label: string;
  readonly autoFocus: boolean;
  readonly onExit: ((status: TerminalExitStatus) => void) | undefined;
  readonly onError: ((error: TerminalErrorStatus | Error) => void) | undefined;
}

export interface TerminalHandle {
  readonly state: TerminalState | { readonly kind: "failed"; readonly message: string };
  /** If true, Tab leaves the terminal; Control+M toggles it. */
  readonly tabLeaves: boolean;
  readonly retry: () => void;
}

interface Mounted {
  readonly connection: TerminalConnection;
  readonly focus: () => void;
  readonly dispose: () => void;
}

interface Callbacks {
  readonly onState: (state: TerminalState) => void;
  readonly onExit: (status: TerminalExitStatus) => void;
  readonly onError: (error: TerminalErrorStatus | Error) => void;
  readonly onTabLeaves: (leaves: boolean) => void;
}

/** Mounts a terminal emulator in `host` and attaches it to a process until the component unmounts. */
export function useTerminal(
  host: RefObject<HTMLDivElement | null>,
  { client, processId, label, autoFocus, onExit, onError }: UseTerminalOptions,
): TerminalHandle {
  const [state, setState] = useState<TerminalHandle["state"]>({ kind: "connecting" });
  const [tabLeaves, setTabLeaves] = useState(false);
  const mounted = useRef<Mounted>(undefined);
  // A changed callback must not reattach the terminal.
  const latest = useLatest({ onExit, onError, label, autoFocus });
  useEffect(() => {
    let ended = false;
    setState({ kind: "connecting" });
    setTabLeaves(false);
    const callbacks: Callbacks = {
      onState: setState,
      onExit: (status) => latest.current.onExit?.(status),
      onError: (error) => latest.current.onError?.(error),
      onTabLeaves: setTabLeaves,
    };
    const start = async () => {
      const element = host.current;
      if (element === null) return;
      const [{ Terminal }, { FitAddon }] = await Promise.all([
        import("@xterm/xterm"),
        import("@xterm/addon-fit"),
      ]);
      if (ended) return;
      const { label: name, autoFocus: focused } = latest.current;
      mounted.current = mount(element, new Terminal(options()), new FitAddon(), name, {
        client,
        processId,
        ...callbacks,
      });
      if (focused) mounted.current.focus();
      mounted.current.connection.connect();
    };
    start().catch((error: unknown) => {
      if (ended) return;
      const failure = error instanceof Error ? error : new Error(String(error));
      setState({ kind: "failed", message: failure.message });
      callbacks.onError(failure);
    });
    return () => {
      ended = true;
      mounted.current?.dispose();
      mounted.current = undefined;
    };
  }, [client, processId, host, latest]);
  return {
    state,
    tabLeaves,
    retry: () => mounted.current?.connection.retry(),
  };
}

function options() {
  const still = prefersReducedMotion();
  return {
    cursorBlink: !still,
    smoothScrollDuration: still ? 0 : 90,
    fontFamily: "ui-monospace, SFMono-Regular, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace",
    fontSize: 13,
    minimumContrastRatio: 4.5,
    screenReaderMode: true,
    scrollback: componentLimits.terminalScrollback,
    theme: terminalTheme,
  };
}

function mount(
  host: HTMLElement,
  terminal: import("@xterm/xterm").Terminal,
  fit: import("@xterm/addon-fit").FitAddon,
  label: string,
  { onTabLeaves, ...connecting }: Callbacks & { client: ProcessTerminalClient; processId: string },
): Mounted {
  adoptTerminalStyles(host);
  terminal.loadAddon(fit);
  terminal.open(host);
  const stopStyles = adoptRefusedStyles(host);
  terminal.textarea?.setAttribute("aria-label", label);
  const connection = new TerminalConnection({
    ...connecting,
    screen: {
      write: (data) => terminal.write(data),
      reset: () => terminal.reset(),
      size: () => ({ cols: terminal.cols, rows: terminal.rows }),
    },
  });
  let leaves = false;
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.key === "Tab" && leaves) return false;
    if (isCopy(event)) {
      event.preventDefault();
      // Without a secure context, the menu of the browser copies.
      if (event.type === "keydown" && terminal.hasSelection())
        void navigator.clipboard?.writeText(terminal.getSelection());
      return false;
    }
    const toggles = event.key.toLowerCase() === "m" && event.ctrlKey && !event.altKey && !event.metaKey;
    if (!toggles) return true;
    if (event.type === "keydown") {
      leaves = !leaves;
      onTabLeaves(leaves);
    }
    return false;
  });
  terminal.onData((data) => connection.input(data));
  terminal.onResize(() => connection.resized());
  let frame = 0;
  const observer = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => fit.fit());
  });
  fit.fit();
  observer.observe(host);
  // The emulator handles clicks on its screen; its host has a margin around it.
  const margin = host.parentElement ?? host;
  const focus = () => terminal.focus();
  margin.addEventListener("click", focus);
  return {
    connection,
    focus,
    dispose: () => {
      margin.removeEventListener("click", focus);
      observer.disconnect();
      cancelAnimationFrame(frame);
      connection.close();
      stopStyles();
      terminal.dispose();
    },
  };
}

/** Control+Shift+C: Control+C alone is the program's, and on a Mac Command+C is the browser's. */
function isCopy(event: KeyboardEvent): boolean {
  return (
    event.key.toLowerCase() === "c" && event.ctrlKey && event.shiftKey && !event.altKey && !event.metaKey
  );
}
