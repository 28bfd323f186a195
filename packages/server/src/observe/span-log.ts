/** Something that an actor did, with its times in milliseconds. */
export interface RecordedSpan {
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly ok: boolean;
  /** `group.code` of what it ended with. */
  readonly error?: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

const maxSpans = 4_096;

/** The last spans of all actors of this process: a ring, so that recording costs one assignment. */
export class SpanLog {
  readonly #ring: ({ readonly actorId: string; readonly span: RecordedSpan } | undefined)[] = [];
  #next = 0;

  add(actorId: string, span: RecordedSpan): void {
    this.#ring[this.#next] = { actorId, span };
    this.#next = (this.#next + 1) % maxSpans;
  }

  /** Those of one actor that began within the times, latest first. */
  read(
    actorId: string,
    query: { readonly startMs: number; readonly endMs: number; readonly limit: number },
  ): { readonly spans: readonly RecordedSpan[]; readonly clamped: boolean } {
    const found: RecordedSpan[] = [];
    for (let back = 1; back <= this.#ring.length; back++) {
      const entry = this.#ring[(this.#next - back + maxSpans) % maxSpans];
      if (entry === undefined || entry.actorId !== actorId) continue;
      const { span } = entry;
      if (span.startMs < query.startMs || span.startMs > query.endMs) continue;
      if (found.length >= query.limit) return { spans: found, clamped: true };
      found.push(span);
    }
    return { spans: found, clamped: false };
  }
}
