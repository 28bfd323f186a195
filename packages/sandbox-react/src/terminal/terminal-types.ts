/** How a process ended, as the terminal tells it. */
export interface TerminalExitStatus {
  type: "exit";
  exitCode?: number | null;
}

export interface TerminalErrorStatus {
  type: "error";
  message: string;
}

export interface TerminalReadyStatus {
  type: "ready";
  processId: string;
  /** The byte of the output that is shown first; a Holdfast server tells it. */
  offset?: number;
}

/** An attached terminal; the `ProcessTerminalSession` of either client library is one. */
export interface ProcessTerminalLink {
  onReady(listener: (status: TerminalReadyStatus) => void): () => void;
  onData(listener: (data: Uint8Array) => void): () => void;
  onExit(listener: (status: TerminalExitStatus) => void): () => void;
  onError(listener: (error: TerminalErrorStatus | Error) => void): () => void;
  onClose(listener: () => void): () => void;
  sendInput(data: string): void;
  resize(size: { cols: number; rows: number }): void;
  close(): void;
}

/** What attaches to terminals: a `SandboxAgent` of either client library. */
export interface ProcessTerminalClient {
  connectProcessTerminal(
    processId: string,
    options?: { accessToken?: string; offset?: number },
  ): ProcessTerminalLink;
}
