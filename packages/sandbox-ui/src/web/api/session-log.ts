import { isPermanentRefusal, pause, readServerSentEvents } from "@holdfast/web-parts/sandbox";
import type { SandboxApi } from "./sandbox-api.ts";
import type { EventPage, Gap, SessionEvent } from "./types.ts";

/**
 * Maximum number of events of one session that the page keeps; beyond, the oldest are dropped, and can be loaded
 * again.
 */
const maxKeptEvents = 10_000;
/** Number of events kept when that happens. Dropping is rare, because it makes the page recompute the transcript. */
const keptAfterwards = 7_500;
/** Number of the newest events that are loaded first. */
const firstEvents = 2_000;
const pageSize = 500;
const retryMs = 1_000;

export type LogLink = "connecting" | "live" | "offline" | "ended";

export interface LogSnapshot {
  /** Ordered by sequence, without gaps except those in `gaps`. */
  readonly events: readonly SessionEvent[];
  readonly gaps: readonly Gap[];
  /** First sequence of the page: everything from here on is in `events` or in `gaps`. */
  readonly from: number;
  readonly link: LogLink;
  /** Why the log cannot be read. */
  readonly error?: unknown;
  /** Why the last request for older events failed. */
  readonly olderError?: unknown;
}

/** The live log of one session: the newest events first, then new ones as they arrive, older ones on demand. */
export class SessionLog {
  readonly #api: SandboxApi;
  readonly #id: string;
  readonly #listeners = new Set<() => void>();
  readonly #abort = new AbortController();
  #snapshot: LogSnapshot = { events: [], gaps: [], from: 1, link: "connecting" };
  #buffer: SessionEvent[] = [];
  #isRenderScheduled = false;

  constructor(api: SandboxApi, id: string) {
    this.#api = api;
    this.#id = id;
  }

  readonly snapshot = (): LogSnapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Reads until {@link close}; a broken connection is reopened after the last event. */
  async run(lastSequence: number): Promise<void> {
    const { signal } = this.#abort;
    let after = Math.max(0, lastSequence - firstEvents);
    this.#change({ from: after + 1 });
    while (!signal.aborted) {
      try {
        after = await this.#follow(after, signal);
        if (this.#snapshot.link === "ended") return;
      } catch (error) {
        if (signal.aborted) return;
        if (isPermanentRefusal(error)) {
          this.#change({ error, link: "ended" });
          return;
        }
        after = this.#lastSequence() ?? after;
      }
      this.#change({ link: "offline" });
      await pause(retryMs, signal);
    }
  }

  /** Prepends up to 500 older events; an error is in the snapshot. */
  async loadOlder(): Promise<void> {
    const { from } = this.#snapshot;
    if (from <= 1) return;
    const after = Math.max(0, from - 1 - pageSize);
    let page: EventPage;
    try {
      page = await this.#api.events(this.#id, after, from - 1 - after, this.#abort.signal);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#change({ olderError: error });
      return;
    }
    // Another request was faster, or the beginning was dropped: this page no longer fits.
    if (this.#snapshot.from !== from) return;
    const { events, gaps } = this.#snapshot;
    const older = page.events.filter(({ sequence }) => sequence < from);
    // Only the beginning of a log is ever dropped, so nothing exists before a gap.
    const gap = page.gap && { from: 1, to: Math.min(page.gap.to, from - 1) };
    this.#change({
      events: [...older, ...events],
      gaps: gap ? [gap, ...gaps] : gaps,
      from: gap ? 1 : after + 1,
      olderError: undefined,
    });
  }

  close(): void {
    this.#abort.abort();
  }

  #lastSequence(): number | undefined {
    return this.#buffer.at(-1)?.sequence ?? this.#snapshot.events.at(-1)?.sequence;
  }

  async #follow(from: number, signal: AbortSignal): Promise<number> {
    const response = await this.#api.followEvents(this.#id, from, signal);
    this.#change({ link: "live" });
    await readServerSentEvents(response, (name, data) => this.#onEvent(name, data));
    return this.#lastSequence() ?? from;
  }

  #onEvent(name: string | undefined, data: string): void {
    const value: unknown = JSON.parse(data);
    if (name === "gap") {
      // The server documents and tests the shape of this route.
      const { from, to } = value as Gap;
      this.#change({ gaps: [...this.#snapshot.gaps, { from, to }] });
    } else if (name === "end") this.#change({ link: isDeleted(value) ? "ended" : "offline" });
    else if (name === undefined || name === "message") {
      this.#buffer.push(value as SessionEvent);
      this.#scheduleRender();
    }
  }

  /** Renders the events of 30 ms together, so that a flood of events does not freeze the page. */
  #scheduleRender(): void {
    if (this.#isRenderScheduled) return;
    this.#isRenderScheduled = true;
    setTimeout(() => {
      this.#isRenderScheduled = false;
      const events = [...this.#snapshot.events, ...this.#buffer];
      this.#buffer = [];
      if (events.length > maxKeptEvents) this.#dropOldest(events.slice(-keptAfterwards));
      else this.#change({ events });
    }, 30);
  }

  /** Keeps only these events; earlier ones can be loaded again. */
  #dropOldest(events: readonly SessionEvent[]): void {
    const from = events[0]?.sequence ?? 1;
    this.#change({ events, from, gaps: this.#snapshot.gaps.filter((gap) => gap.to >= from) });
  }

  #change(change: Partial<LogSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function isDeleted(value: unknown): boolean {
  return typeof value === "object" && value !== null && "reason" in value && value.reason === "deleted";
}
