import { createTwoFilesPatch } from "diff";
import { isRecord } from "../../http/problem.ts";
import { permissionName, readCommand } from "../../sessions/turns/rules.ts";
import type { Fields, WireToolState } from "../wire.ts";

/** A file change reported by a tool call. */
export interface FileEdit {
  readonly path: string;
  readonly oldText: string;
  readonly newText: string;
  readonly isNew: boolean;
}

/** State of a tool call, merged from its updates. As ACP says, later fields replace earlier ones. */
export class ToolCall {
  readonly id: string;
  readonly #startedAt: number;
  #fields: Fields = {};
  #endedAt: number | undefined;

  constructor(id: string, startedAt: number) {
    this.id = id;
    this.#startedAt = startedAt;
  }

  applyUpdate(update: Fields, at: number): void {
    const setFields = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== null));
    this.#fields = { ...this.#fields, ...setFields };
    if (this.isSettled) this.#endedAt ??= at;
  }

  /** Settles an open call at the end of its turn: completed if the turn succeeded, else failed. */
  settle(succeeded: boolean, at: number): void {
    if (!this.isSettled) this.applyUpdate({ status: succeeded ? "completed" : "failed" }, at);
  }

  get isSettled(): boolean {
    return this.#fields.status === "completed" || this.#fields.status === "failed";
  }

  get hasSucceeded(): boolean {
    return this.#fields.status === "completed";
  }

  get tool(): string {
    return permissionName(this.#fields);
  }

  get edits(): FileEdit[] {
    return records(this.#fields.content).flatMap((item) => {
      const { type, path, oldText, newText } = item;
      if (type !== "diff" || typeof path !== "string" || typeof newText !== "string") return [];
      const previousText = typeof oldText === "string" ? oldText : undefined;
      return [{ path, oldText: previousText ?? "", newText, isNew: previousText === undefined }];
    });
  }

  get state(): WireToolState {
    const { status } = this.#fields;
    const input = this.#input();
    const title = typeof this.#fields.title === "string" ? this.#fields.title : this.tool;
    const time = { start: this.#startedAt, end: this.#endedAt ?? this.#startedAt };
    if (status === "completed") {
      const output = this.#output();
      return { status, input, output, title, metadata: this.#metadata(output), time };
    }
    if (status === "failed") {
      const output = this.#output();
      const error = output === "" ? "The tool failed or was not allowed" : output;
      return { status: "error", input, error, metadata: this.#metadata(output), time };
    }
    if (status !== "in_progress") return { status: "pending", input, raw: "" };
    const metadata = this.#metadata(this.#output());
    return { status: "running", input, title, metadata, time: { start: this.#startedAt } };
  }

  /** Adds the fields that OpenCode's own views read to the agent's tool input. */
  #input(): Fields {
    const raw = isRecord(this.#fields.rawInput) ? this.#fields.rawInput : {};
    const edit = this.edits[0];
    const path = edit?.path ?? records(this.#fields.locations)[0]?.path;
    const command = readCommand(raw);
    return {
      ...raw,
      ...(typeof path === "string" && raw.filePath === undefined ? { filePath: path } : {}),
      ...(edit ? { oldString: edit.oldText, newString: edit.newText } : {}),
      ...(command === undefined ? {} : { command, description: String(this.#fields.title ?? command) }),
    };
  }

  #output(): string {
    const texts = records(this.#fields.content).flatMap(({ type, content }) =>
      type === "content" && isRecord(content) && typeof content.text === "string" ? [content.text] : [],
    );
    if (texts.length > 0) return texts.join("\n");
    const { rawOutput } = this.#fields;
    if (typeof rawOutput === "string") return rawOutput;
    if (!isRecord(rawOutput)) return "";
    return typeof rawOutput.output === "string" ? rawOutput.output : JSON.stringify(rawOutput);
  }

  #metadata(output: string): Fields {
    const diff = this.edits.map(unifiedDiff).join("");
    const raw = isRecord(this.#fields.rawOutput) ? this.#fields.rawOutput : {};
    const exit = raw.exitCode ?? raw.exit_code;
    return {
      ...(diff === "" ? {} : { diff, filepath: this.edits[0]?.path }),
      ...(this.tool === "bash" ? { output, ...(typeof exit === "number" ? { exit } : {}) } : {}),
    };
  }
}

/** Limits for diffs. A larger or slower one is reduced to the file names. */
const diffTimeoutMs = 100;
const maxDiffLength = 1_048_576;

/** Returns the edit as a unified diff. */
export function unifiedDiff({ path, oldText, newText }: FileEdit): string {
  if (oldText.length + newText.length > maxDiffLength) return `--- ${path}\n+++ ${path}\n`;
  const patch = createTwoFilesPatch(path, path, oldText, newText, undefined, undefined, {
    context: 3,
    timeout: diffTimeoutMs,
  });
  return patch ?? `--- ${path}\n+++ ${path}\n`;
}

function records(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
