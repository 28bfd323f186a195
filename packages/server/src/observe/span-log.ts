/** An operation of an actor, with times in milliseconds. */
export interface RecordedSpan {
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly ok: boolean;
  /** `group.code` of its error, if it failed. */
  readonly error?: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

const maxSpans = 4_096;

const nothing = {};

/** A slot of the ring, which is overwritten so that recording allocates nothing. */
class Place {
  actorId = "";
  name = "";
  startMs = 0;
  durationMs = 0;
  /** Undefined if it succeeded. */
  error: string | undefined;
  attributes: RecordedSpan["attributes"] = nothing;

  get span(): RecordedSpan {
    const { name, startMs, durationMs, error, attributes } = this;
    const span = { name, startMs, durationMs, attributes };
    return error === undefined ? { ...span, ok: true } : { ...span, ok: false, error };
  }
}

/** The last spans of all actors of this process. */
export class SpanLog {
  readonly #ring: Place[] = [];
  #next = 0;

  add(
    actorId: string,
    name: string,
    startMs: number,
    durationMs: number,
    error: string | undefined,
    attributes: RecordedSpan["attributes"],
  ): void {
    let place = this.#ring[this.#next];
    if (place === undefined) {
      place = new Place();
      this.#ring.push(place);
    }
    place.actorId = actorId;
    place.name = name;
    place.startMs = startMs;
    place.durationMs = durationMs;
    place.error = error;
    place.attributes = attributes;
    this.#next = (this.#next + 1) % maxSpans;
  }

  /** Spans of one actor that began within the given times, newest first. */
  read(
    actorId: string,
    query: { readonly startMs: number; readonly endMs: number; readonly limit: number },
  ): { readonly spans: readonly RecordedSpan[]; readonly clamped: boolean } {
    const found: RecordedSpan[] = [];
    for (let back = 1; back <= this.#ring.length; back++) {
      const place = this.#ring[(this.#next - back + maxSpans) % maxSpans];
      if (place === undefined || place.actorId !== actorId) continue;
      if (place.startMs < query.startMs || place.startMs > query.endMs) continue;
      if (found.length >= query.limit) return { spans: found, clamped: true };
      found.push(place.span);
    }
    return { spans: found, clamped: false };
  }
}
