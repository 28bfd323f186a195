import type { SessionEvent } from "@holdfast/sandbox-client";
import { ChunkWriter, type TurnEnding } from "../chat/chunk-writer.ts";
import { foldChunks } from "../chat/fold.ts";
import { asRecord, textField } from "../chat/json.ts";
import type { UiChunk, UiMessage, UiMetadata } from "../chat/messages.ts";
import type { Approval } from "../store/approvals.ts";
import type { Turn } from "../store/turns.ts";
import type { LiveTurn } from "./live-turn.ts";
import type { AskingTurn } from "./questions.ts";

/** A turn that an agent works on: its events become the chunks of its stream. */
export class RunningTurn implements AskingTurn {
  readonly id: string;
  readonly live: LiveTurn;
  readonly cancel = new AbortController();
  readonly #turn: Turn;
  readonly #writer: ChunkWriter;
  readonly #metadata: UiMetadata;
  /** Questions whose request the client has not handed over yet: approval id and tool call. */
  readonly #asked: { readonly id: string; readonly toolCallId: string | undefined }[] = [];

  constructor(turn: Turn, live: LiveTurn, onChunk: (chunk: UiChunk, position: number) => void) {
    this.id = turn.id;
    this.live = live;
    this.#turn = turn;
    this.#metadata = { turn: turn.id, createdAt: turn.startedAt ?? turn.createdAt };
    this.#writer = new ChunkWriter((chunk) => {
      live.push(chunk);
      onChunk(chunk, live.chunks.length - 1);
    });
    this.#writer.start(turn.messageId, this.#metadata);
  }

  /** Takes an event of the session. Returns the approval id of a question of permission. */
  observe({ sender, payload }: SessionEvent): string | undefined {
    if (sender !== "agent" || !("method" in payload)) return undefined;
    const params = asRecord(payload.params);
    if (payload.method === "session/update") this.#writer.update(asRecord(params.update));
    if (payload.method !== "session/request_permission" || !("id" in payload)) return undefined;
    const id = `${this.id}:${String(payload.id)}`;
    this.#asked.push({ id, toolCallId: textField(asRecord(params.toolCall), "toolCallId") });
    return id;
  }

  /** The approval id of a request that the client hands over. */
  takeApprovalId(toolCallId: string | undefined): string {
    const at = this.#asked.findIndex((asked) => asked.toolCallId === toolCallId);
    const [asked] = this.#asked.splice(Math.max(at, 0), 1);
    return asked?.id ?? `${this.id}:${toolCallId ?? "?"}`;
  }

  requestApproval({ id, toolCallId, title, kind, input }: Approval): void {
    this.#writer.requestApproval(id, { toolCallId, title, kind, rawInput: input ?? undefined });
  }

  answerApproval({ id, approved = false }: Approval): void {
    this.#writer.answerApproval(id, approved);
  }

  end(ending: TurnEnding): UiMessage {
    this.#writer.end(ending);
    return this.message();
  }

  /** The message so far; up to the last question, while one waits, so that a reader can go on from there. */
  message(waiting = false): UiMessage {
    const { chunks } = this.live;
    const last = waiting ? chunks.findLastIndex(({ type }) => type === "tool-approval-request") : -1;
    const shown = last === -1 ? chunks : chunks.slice(0, last + 1);
    return foldChunks(this.#turn.messageId, this.#metadata, shown);
  }
}
