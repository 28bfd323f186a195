import type { TranscriptEntry } from "../types.ts";
import type { OpenTool, PlanStep, Transcript, TranscriptMemory } from "./state.ts";

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A mutable copy of a transcript, into which a batch of events is reduced: copied once per batch. */
export class Draft {
  readonly #entries: TranscriptEntry[];
  readonly #tools: OpenTool[];
  readonly memory: Writable<TranscriptMemory>;
  head: number;
  plan: readonly PlanStep[];
  title: string | undefined;
  modeId: string | undefined;
  context: Transcript["context"];
  #eventId = "";
  #time = "";
  /** Entries added by the current event. */
  #added = 0;

  constructor(base: Transcript) {
    this.#entries = [...base.entries];
    this.#tools = [...base.memory.tools];
    this.memory = { ...base.memory };
    this.head = base.head;
    this.plan = base.plan;
    this.title = base.title;
    this.modeId = base.modeId;
    this.context = base.context;
  }

  /** Entries added from here on belong to this event. An invalid time counts as 0. */
  beginEvent(eventId: string, createdAt: number): void {
    const date = new Date(createdAt);
    this.#eventId = eventId;
    this.#time = (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
    this.#added = 0;
  }

  get length(): number {
    return this.#entries.length;
  }

  at(index: number): TranscriptEntry | undefined {
    return this.#entries[index];
  }

  /**
   * Appends an entry for the current event and returns its index. Its id does not depend on where the log was first
   * read.
   */
  add(entry: Omit<TranscriptEntry, "id" | "eventId" | "time">): number {
    const index = this.#entries.length;
    const id = `${this.#eventId}:${this.#added}`;
    this.#added += 1;
    this.#entries.push({ id, eventId: this.#eventId, time: this.#time, ...entry });
    return index;
  }

  /** Replaces an entry by a changed copy. */
  update(index: number, changes: Partial<TranscriptEntry>): void {
    const entry = this.#entries[index];
    if (entry !== undefined) this.#entries[index] = { ...entry, ...changes };
  }

  addNote(title: string, detail: string, severity: "info" | "error"): void {
    this.memory.isMessageComplete = true;
    this.add({ kind: "meta", meta: { title, severity, ...(detail === "" ? {} : { detail }) } });
  }

  toolIndex(toolCallId: string): number | undefined {
    for (let at = this.#tools.length - 1; at >= 0; at -= 1) {
      const tool = this.#tools[at];
      if (tool?.toolCallId === toolCallId) return tool.index;
    }
    return undefined;
  }

  trackTool(toolCallId: string, index: number): void {
    this.#tools.push({ toolCallId, index });
  }

  /** Marks running tool calls as unfinished. */
  cancelRunningTools(): void {
    for (const { index } of this.#tools) {
      const status = this.#entries[index]?.toolStatus;
      if (status === "pending" || status === "in_progress") this.update(index, { toolStatus: "cancelled" });
    }
  }

  /** Called when a new agent process begins. */
  forgetTools(): void {
    this.#tools.length = 0;
    this.memory.processStart = this.#entries.length;
  }

  finish(): Transcript {
    const { prompts, runningId, loading, messageId, planIndex, ...memory } = this.memory;
    return {
      entries: this.#entries,
      head: this.head,
      running: prompts.length > 0,
      plan: this.plan,
      ...(this.title === undefined ? {} : { title: this.title }),
      ...(this.modeId === undefined ? {} : { modeId: this.modeId }),
      ...(this.context === undefined ? {} : { context: this.context }),
      memory: {
        ...memory,
        prompts,
        tools: this.#tools,
        ...(runningId === undefined ? {} : { runningId }),
        ...(loading === undefined ? {} : { loading }),
        ...(messageId === undefined ? {} : { messageId }),
        ...(planIndex === undefined ? {} : { planIndex }),
      },
    };
  }
}
