import type {
  ProcessTerminalClient,
  ProcessTerminalLink,
  TerminalErrorStatus,
  TerminalExitStatus,
} from "../terminal/terminal-types.ts";

/** The screen that a terminal connection writes to. */
export interface TerminalScreen {
  write(data: Uint8Array): void;
  /** Clears the screen: the output starts over. */
  reset(): void;
  size(): { cols: number; rows: number };
}

export type TerminalState =
  | { readonly kind: "connecting" }
  | { readonly kind: "ready" }
  /** The connection broke and is being reopened. */
  | { readonly kind: "reconnecting"; readonly attempt: number }
  /** No attempt succeeded; {@link TerminalConnection.retry} starts over. */
  | { readonly kind: "lost"; readonly message: string }
  | { readonly kind: "exited"; readonly exitCode: number | null };

export interface TerminalConnectionOptions {
  readonly client: ProcessTerminalClient;
  readonly processId: string;
  readonly screen: TerminalScreen;
  readonly onState: (state: TerminalState) => void;
  readonly onExit: (status: TerminalExitStatus) => void;
  readonly onError: (error: TerminalErrorStatus | Error) => void;
  /** Delays before the attempts; after the last one it gives up. */
  readonly delaysMs?: readonly number[];
}

const defaultDelaysMs = [250, 500, 1_000, 2_000, 4_000, 8_000];

/**
 * The terminal of a process that outlives its sockets. After a break it reconnects and continues at the next byte; if
 * the server does not count bytes, or has dropped some, the screen starts over with what the server still has.
 */
export class TerminalConnection {
  readonly #options: TerminalConnectionOptions;
  #link: ProcessTerminalLink | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  /** Offset of the next output byte; undefined if the server does not count. */
  #offset: number | undefined;
  #isScreenDrawn = false;
  #isFinished = false;
  #lastError = "";
  /** True once the server has sent the offset at which it begins. */
  #isOffsetKnown = false;

  constructor(options: TerminalConnectionOptions) {
    this.#options = options;
  }

  connect(): void {
    if (this.#isFinished || this.#link !== undefined) return;
    this.#options.onState(
      this.#attempt === 0 ? { kind: "connecting" } : { kind: "reconnecting", attempt: this.#attempt },
    );
    try {
      const { client, processId } = this.#options;
      const from = this.#offset === undefined ? undefined : { offset: this.#offset };
      this.#attach(client.connectProcessTerminal(processId, from));
    } catch (error) {
      this.#options.onError(error instanceof Error ? error : new Error(String(error)));
      this.#onBreak(undefined);
    }
  }

  /** Starts over after it has given up. */
  retry(): void {
    if (this.#isFinished || this.#link !== undefined) return;
    clearTimeout(this.#timer);
    this.#attempt = 0;
    this.connect();
  }

  input(data: string): void {
    this.#link?.sendInput(data);
  }

  resized(): void {
    this.#link?.resize(this.#options.screen.size());
  }

  /** Detaches; the process keeps running. */
  close(): void {
    this.#isFinished = true;
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = undefined;
  }

  #attach(link: ProcessTerminalLink): void {
    const { screen, onState, onExit, onError } = this.#options;
    const isCurrent = () => !this.#isFinished && this.#link === link;
    this.#link = link;
    this.#isOffsetKnown = false;
    link.onReady(({ offset }) => {
      if (!isCurrent()) return;
      this.#attempt = 0;
      this.#isOffsetKnown = true;
      if (this.#isScreenDrawn && (offset === undefined || offset !== this.#offset)) screen.reset();
      this.#offset = offset;
      onState({ kind: "ready" });
      link.resize(screen.size());
    });
    link.onData((data) => {
      if (!isCurrent()) return;
      this.#isScreenDrawn = true;
      if (this.#offset !== undefined) this.#offset += data.byteLength;
      screen.write(data);
    });
    link.onExit((status) => {
      if (!isCurrent()) return;
      this.#isFinished = true;
      onState({ kind: "exited", exitCode: status.exitCode ?? null });
      onExit(status);
      link.close();
    });
    link.onError((error) => {
      if (!isCurrent()) return;
      this.#lastError = error.message;
      onError(error);
    });
    link.onClose(() => {
      if (isCurrent()) this.#onBreak(link);
    });
  }

  #onBreak(link: ProcessTerminalLink | undefined): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    const delayMs = (this.#options.delaysMs ?? defaultDelaysMs)[this.#attempt];
    this.#attempt += 1;
    // A restarted server may have less output than was seen, and refuses the offset.
    if (!this.#isOffsetKnown && this.#attempt > 1) this.#offset = undefined;
    if (delayMs === undefined) {
      this.#options.onState({ kind: "lost", message: this.#lastError || "The connection was lost" });
      return;
    }
    this.#options.onState({ kind: "reconnecting", attempt: this.#attempt });
    this.#timer = setTimeout(() => this.connect(), delayMs);
  }
}
