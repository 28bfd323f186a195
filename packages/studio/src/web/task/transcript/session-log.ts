import type { LinkState } from "@holdfast/web-parts";
import type { SessionActions, SessionEvent } from "../../../contract.ts";
import { createTranscript, reduceTranscript, type Transcript } from "../../../transcript.ts";
import { isSignedOut } from "../../shared/errors.ts";

export interface SessionLogState {
  readonly transcript: Transcript;
  /** `loading` until the log was read to its end once; `failed` if it cannot be read. */
  readonly phase: "loading" | "live" | "offline" | "failed";
  readonly error?: unknown;
}

const pageSize = 500;
const retryDelaysMs = [250, 500, 1_000, 2_000, 5_000] as const;

/**
 * Follows a session's log without gaps or duplicates. Events are processed in order of `seq`: known ones are dropped,
 * and a gap is read from the log before anything after it is shown.
 */
export class SessionLog {
  readonly #source: Pick<SessionActions, "events">;
  readonly #onChange: () => void;
  #state: SessionLogState = { transcript: createTranscript(), phase: "loading" };
  #reading = false;
  #readAgain = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(source: Pick<SessionActions, "events">, onChange: () => void) {
    this.#source = source;
    this.#onChange = onChange;
  }

  get state(): SessionLogState {
    return this.#state;
  }

  /** Call it with every state of the connection that delivers `appended`. */
  linkChanged(link: LinkState): void {
    if (link === "online") void this.#read();
    else if (link === "offline" && this.#state.phase === "live") this.#set({ phase: "offline" });
  }

  /** Call it with every `appended`. */
  appended(events: readonly SessionEvent[]): void {
    if (this.#ended) return;
    if (!this.#take(events)) void this.#read();
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#retry);
  }

  /** Reads from the last known event to the end of the log; one read at a time. */
  async #read(): Promise<void> {
    if (this.#ended) return;
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    clearTimeout(this.#retry);
    this.#reading = true;
    this.#readAgain = false;
    try {
      await this.#readToEnd();
      this.#failures = 0;
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#reading = false;
    }
    // A gap that was noticed after the last page, before this read ended.
    if (this.#readAgain) void this.#read();
  }

  async #readToEnd(): Promise<void> {
    for (;;) {
      const after = this.#state.transcript.head;
      const page = await this.#source.events({ after, limit: pageSize });
      if (this.#ended) return;
      this.#take(page.events);
      const head = this.#state.transcript.head;
      const atEnd = head >= page.head || page.events.length === 0;
      if (atEnd && this.#state.phase !== "live") this.#set({ phase: "live", error: undefined });
      if (atEnd) return;
    }
  }

  #failed(error: unknown): void {
    if (this.#ended) return;
    this.#set({ phase: this.#state.phase === "loading" || isSignedOut(error) ? "failed" : "offline", error });
    if (isSignedOut(error)) return;
    const delay = retryDelaysMs[Math.min(this.#failures, retryDelaysMs.length - 1)] ?? 5_000;
    this.#failures += 1;
    this.#retry = setTimeout(() => void this.#read(), delay);
  }

  /** False if events are missing between the known and the new ones. */
  #take(events: readonly SessionEvent[]): boolean {
    let next = this.#state.transcript.head + 1;
    const fresh: SessionEvent[] = [];
    for (const event of events) {
      if (event.seq < next) continue;
      if (event.seq > next) break;
      fresh.push(event);
      next += 1;
    }
    if (fresh.length > 0) this.#set({ transcript: reduceTranscript(this.#state.transcript, fresh) });
    const last = events.at(-1);
    return last === undefined || last.seq < next;
  }

  #set(change: Partial<SessionLogState>): void {
    this.#state = { ...this.#state, ...change };
    this.#onChange();
  }
}
