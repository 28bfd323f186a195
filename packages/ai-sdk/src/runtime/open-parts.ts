import type { UIMessageChunk } from "ai";

/** What of a stream is open: parts that have begun, and calls without an output. */
export class OpenParts {
  readonly #texts = new Set<string>();
  readonly #reasoning = new Set<string>();
  readonly #calls = new Set<string>();
  hasFinished = false;
  /** The text of an error that the stream has reported. */
  error: string | undefined;

  /** A call of an earlier turn whose outcome is to come. */
  addCall(toolCallId: string): void {
    this.#calls.add(toolCallId);
  }

  observe(chunk: UIMessageChunk): void {
    switch (chunk.type) {
      case "text-start":
        this.#texts.add(chunk.id);
        return;
      case "text-end":
        this.#texts.delete(chunk.id);
        return;
      case "reasoning-start":
        this.#reasoning.add(chunk.id);
        return;
      case "reasoning-end":
        this.#reasoning.delete(chunk.id);
        return;
      case "tool-input-start":
      case "tool-input-available":
        this.#calls.add(chunk.toolCallId);
        return;
      case "tool-output-available":
        if (chunk.preliminary !== true) this.#calls.delete(chunk.toolCallId);
        return;
      case "tool-input-error":
      case "tool-output-error":
      case "tool-output-denied":
        this.#calls.delete(chunk.toolCallId);
        return;
      case "error":
        this.error = chunk.errorText;
        return;
      case "finish":
        this.hasFinished = true;
        return;
      case "tool-approval-request":
        // It waits for a person: the turn may end.
        this.#calls.delete(chunk.toolCallId);
        return;
      default:
        return;
    }
  }

  /** Chunks that close what a turn has left open that did not come to its own end. */
  closing(why: string): UIMessageChunk[] {
    return [
      ...[...this.#texts].map((id): UIMessageChunk => ({ type: "text-end", id })),
      ...[...this.#reasoning].map((id): UIMessageChunk => ({ type: "reasoning-end", id })),
      ...[...this.#calls].map(
        (toolCallId): UIMessageChunk => ({ type: "tool-output-error", toolCallId, errorText: why }),
      ),
    ];
  }
}
