import type { ProcessLogEntry } from "@holdfast/sandbox-client";

export interface OutputPart {
  readonly id: number;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** Maximum number of characters kept for display; the oldest chunks are dropped. */
export const maxShownCharacters = 500_000;

/** Output as text. Each stream is decoded separately, because a character may be split between two entries. */
export class OutputText {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #parts: OutputPart[] = [];
  #characters = 0;
  #next = 0;

  /** Replaced with each change. */
  get parts(): readonly OutputPart[] {
    return [...this.#parts];
  }

  add(entry: Pick<ProcessLogEntry, "data" | "encoding" | "stream">): void {
    const stream = entry.stream === "stderr" ? "stderr" : "stdout";
    const text = entry.encoding === "base64" ? this.#decode(stream, entry.data) : entry.data;
    const plain = withoutControls(text);
    if (plain === "") return;
    const last = this.#parts.at(-1);
    this.#characters += plain.length;
    if (last?.stream === stream && last.text.length < 4_096)
      this.#parts[this.#parts.length - 1] = { ...last, text: last.text + plain };
    else this.#parts.push({ id: this.#next++, stream, text: plain });
    while (this.#characters > maxShownCharacters && this.#parts.length > 1)
      this.#characters -= this.#parts.shift()?.text.length ?? 0;
  }

  #decode(stream: "stdout" | "stderr", data: string): string {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    return this.#decoders[stream].decode(bytes, { stream: true });
  }
}

/** Removes escape sequences, which have no meaning in plain text. */
function withoutControls(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one.
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g, "")
      .replaceAll("\r\n", "\n")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what is left of them is not text.
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "")
  );
}
