import type { TranscriptEntry } from "../types.ts";
import type { OpenTool, PlanStep, Transcript, TranscriptMemory } from "./state.ts";

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A transcript that a batch of events is worked into: copied once, whatever the size of the batch. */
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
  /** Entries that this event has added. */
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

  /** What is added from here on is of this event. A time that no date can have counts as 0. */
  begin(eventId: string, createdAt: number): void {
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

  /** Adds an entry of this event; returns where it stands. Its id is the same wherever the log is read from. */
  add(entry: Omit<TranscriptEntry, "id" | "eventId" | "time">): number {
    const index = this.#entries.length;
    const id = `${this.#eventId}:${this.#added}`;
    this.#added += 1;
    this.#entries.push({ id, eventId: this.#eventId, time: this.#time, ...entry });
    return index;
  }

  /** Replaces an entry by itself with changes. */
  change(index: number, changes: Partial<TranscriptEntry>): void {
    const entry = this.#entries[index];
    if (entry !== undefined) this.#entries[index] = { ...entry, ...changes };
  }

  note(title: string, detail: string, severity: "info" | "error"): void {
    this.memory.broken = true;
    this.add({ kind: "meta", meta: { title, severity, ...(detail === "" ? {} : { detail }) } });
  }

  toolIndex(toolCallId: string): number | undefined {
    for (let at = this.#tools.length - 1; at >= 0; at -= 1) {
      const tool = this.#tools[at];
      if (tool?.toolCallId === toolCallId) return tool.index;
    }
    return undefined;
  }

  openTool(toolCallId: string, index: number): void {
    this.#tools.push({ toolCallId, index });
  }

  /** What was under way stays unfinished. */
  cutTools(): void {
    for (const { index } of this.#tools) {
      const status = this.#entries[index]?.toolStatus;
      if (status === "pending" || status === "in_progress") this.change(index, { toolStatus: "cancelled" });
    }
  }

  /** The agent process is another one from here on. */
  forgetTools(): void {
    this.#tools.length = 0;
    this.memory.barrier = this.#entries.length;
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
