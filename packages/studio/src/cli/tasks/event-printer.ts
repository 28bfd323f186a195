import { harmless, type Screen, style } from "@holdfast/cli";
import type { DiffView, SessionEvent } from "@holdfast/studio";

/** A field of untrusted agent input; undefined if there is none. */
function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** Agent text with control characters escaped; undefined for any other value. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? harmless(value) : undefined;
}

/** Prints a session's events as they arrive: messages as a stream, tool calls on one line each. */
export class EventPrinter {
  readonly #screen: Screen;
  readonly #toolTitles = new Map<string, string>();
  #stream: "none" | "message" | "thought" = "none";

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  print(event: SessionEvent): void {
    const { body } = event;
    switch (body.type) {
      case "acp":
        if (body.direction === "from-agent") this.#envelope(body.envelope);
        return;
      case "prompt":
        return this.#line(style(this.#screen, "bold", `> ${harmless(body.text)}`));
      case "agent-started":
        return this.#notice(startText(body.agent, body.resumed));
      case "interrupted":
        return this.#notice(`interrupted: ${harmless(body.reason)}`);
      case "note":
        return this.#notice(harmless(body.text));
      case "approval-requested":
        return this.#notice(
          `${body.approval.boundary === undefined ? "the agent requests approval" : "the gate requires approval"}: ${harmless(body.approval.title)}`,
        );
      case "approval-settled":
        return this.#notice(`approval ${body.outcome}`);
      case "turn-ended":
        return this.#notice(`turn ended: ${harmless(body.stopReason)}`);
      case "failed":
        return this.#line(style(this.#screen, "red", harmless(body.error.message)));
    }
  }

  /** Ends the line of a message that is still streaming. */
  flush(): void {
    if (this.#stream !== "none") this.#screen.write("\n");
    this.#stream = "none";
  }

  #line(text: string): void {
    this.flush();
    this.#screen.write(`${text}\n`);
  }

  #notice(text: string): void {
    this.#line(style(this.#screen, "dim", `[${text}]`));
  }

  #envelope(envelope: unknown): void {
    if (fieldOf(envelope, "method") !== "session/update") return;
    const update = fieldOf(fieldOf(envelope, "params"), "update");
    switch (fieldOf(update, "sessionUpdate")) {
      case "agent_message_chunk":
        return this.#chunk("message", fieldOf(update, "content"));
      case "agent_thought_chunk":
        return this.#chunk("thought", fieldOf(update, "content"));
      case "tool_call":
        return this.#toolCall(update, true);
      case "tool_call_update":
        return this.#toolCall(update, false);
      case "plan":
        return this.#plan(fieldOf(update, "entries"));
      default:
        return;
    }
  }

  #chunk(stream: "message" | "thought", content: unknown): void {
    const text = textOf(fieldOf(content, "text"));
    if (text === undefined) return;
    if (this.#stream !== stream) this.flush();
    this.#stream = stream;
    this.#screen.write(stream === "thought" ? style(this.#screen, "dim", text) : text);
  }

  #toolCall(update: unknown, first: boolean): void {
    const id = textOf(fieldOf(update, "toolCallId")) ?? "";
    const title = textOf(fieldOf(update, "title")) ?? this.#toolTitles.get(id);
    if (title !== undefined) this.#toolTitles.set(id, title);
    const status = fieldOf(update, "status");
    const ended = status === "completed" || status === "failed";
    if (!first && !ended) return;
    const symbol =
      status === "failed" ? style(this.#screen, "red", "x") : ended ? style(this.#screen, "green", "+") : "-";
    this.#line(`${symbol} ${title ?? id}`);
  }

  #plan(entries: unknown): void {
    if (!Array.isArray(entries)) return;
    for (const entry of entries) {
      const status = fieldOf(entry, "status");
      const box = status === "completed" ? "[x]" : status === "in_progress" ? "[>]" : "[ ]";
      this.#line(style(this.#screen, "cyan", `${box} ${textOf(fieldOf(entry, "content")) ?? ""}`));
    }
  }
}

function startText(agent: string, resumed: "new" | "native" | "transcript"): string {
  switch (resumed) {
    case "new":
      return `${agent} started`;
    case "native":
      return `${agent} started again and resumed the session`;
    case "transcript":
      return `${agent} started again; it cannot resume, so it continues from the transcript`;
  }
}

/** Prints a diff like `git diff`, in colour if the terminal supports it. */
export function printDiff(screen: Screen, diff: DiffView): void {
  if (diff.files.length === 0) {
    screen.write("No changes.\n");
    return;
  }
  for (const file of diff.files) {
    const counts = file.binary ? "binary" : `+${file.additions} -${file.deletions}`;
    const warning = file.runsOnYourMachine ? style(screen, "yellow", "  runs on your machine") : "";
    const name = file.oldPath === undefined ? file.path : `${file.oldPath} -> ${file.path}`;
    screen.write(`${style(screen, "bold", `${file.status} ${harmless(name)}`)} (${counts})${warning}\n`);
    for (const line of file.patch.split("\n")) {
      if (line !== "") screen.write(`${colorLine(screen, harmless(line))}\n`);
    }
  }
  if (diff.truncated) screen.write("The diff was truncated at its limit.\n");
}

function colorLine(screen: Screen, line: string): string {
  if (line.startsWith("+++") || line.startsWith("---")) return style(screen, "bold", line);
  if (line.startsWith("+")) return style(screen, "green", line);
  if (line.startsWith("-")) return style(screen, "red", line);
  if (line.startsWith("@@")) return style(screen, "cyan", line);
  return line;
}
