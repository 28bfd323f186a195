/** The exit of a process, as the terminal reports it. */
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
  /** Offset of the first output byte; sent by Holdfast servers. */
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

/** A client that attaches to terminals: a `SandboxAgent` of either client library. */
export interface ProcessTerminalClient {
  connectProcessTerminal(
    processId: string,
    options?: { accessToken?: string; offset?: number },
  ): ProcessTerminalLink;
}
