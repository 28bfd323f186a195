import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isParams, type Params, type StdioPeer } from "./rpc.ts";
import type { Session } from "./sessions.ts";

export type StopReason = "end_turn" | "cancelled";

/** A planned change of one file. */
export interface Edit {
  readonly path: string;
  readonly oldText: string | null;
  readonly newText: string;
}

const paceMs = Number(process.env.HOLDFAST_DEMO_PACE_MS ?? 15);
const outputLimit = 64 * 1024;

/** Operations of a demo turn: say, read, ask, edit and run. A cancel ends every wait immediately. */
export class Turn {
  readonly session: Session;
  readonly signal: AbortSignal;
  readonly #peer: StdioPeer;
  #calls = 0;
  #outputTokens = 0;

  constructor(session: Session, peer: StdioPeer, signal: AbortSignal) {
    this.session = session;
    this.signal = signal;
    this.#peer = peer;
  }

  get outputTokens(): number {
    return this.#outputTokens;
  }

  /** Sends an update and stores it for a later load of the session. */
  update(update: Params): void {
    this.session.record(update);
    this.send(update);
  }

  /** Sends an update without storing it. */
  send(update: Params): void {
    this.#peer.notify("session/update", { sessionId: this.session.id, update });
  }

  async pause(ms: number = paceMs): Promise<void> {
    await delay(ms, undefined, { signal: this.signal });
  }

  async say(text: string, pauseMs?: number): Promise<void> {
    await this.#stream("agent_message_chunk", text, pauseMs);
  }

  async think(text: string): Promise<void> {
    await this.#stream("agent_thought_chunk", text);
  }

  plan(steps: readonly string[], done: number): void {
    const entries = steps.map((content, index) => ({
      content,
      priority: "medium",
      status: index < done ? "completed" : index === done ? "in_progress" : "pending",
    }));
    this.update({ sessionUpdate: "plan", entries });
  }

  /** Reads a file and reports that as a tool call. Returns undefined when the file does not exist. */
  async read(path: string): Promise<string | undefined> {
    const toolCallId = this.#nextCallId();
    const title = `Read ${relative(this.session.cwd, path)}`;
    this.update({
      sessionUpdate: "tool_call",
      toolCallId,
      title,
      kind: "read",
      status: "in_progress",
      locations: [{ path }],
      rawInput: { path },
    });
    await this.pause();
    const text = await readFile(path, "utf8").catch(() => undefined);
    const status = text === undefined ? "failed" : "completed";
    const excerpt = text === undefined ? "No such file" : text.slice(0, 2_000);
    this.update({ sessionUpdate: "tool_call_update", toolCallId, status, content: [textContent(excerpt)] });
    return text;
  }

  /** Reports an edit, asks for permission if needed, and applies it. Returns false when the user refuses. */
  async edit(edit: Edit, ask: boolean): Promise<boolean> {
    const toolCallId = this.#nextCallId();
    const title = `Edit ${relative(this.session.cwd, edit.path)}`;
    const content = [{ type: "diff", path: edit.path, oldText: edit.oldText, newText: edit.newText }];
    const call = { toolCallId, title, kind: "edit", content, locations: [{ path: edit.path }] };
    this.update({ sessionUpdate: "tool_call", ...call, status: "pending", rawInput: { path: edit.path } });
    if (!(await this.#isAllowed(call, ask))) return false;
    await mkdir(dirname(edit.path), { recursive: true });
    await writeFile(edit.path, edit.newText);
    const rawOutput = { bytes: Buffer.byteLength(edit.newText) };
    this.update({ sessionUpdate: "tool_call_update", toolCallId, status: "completed", content, rawOutput });
    return true;
  }

  /** Reports a command, asks for permission if needed, and runs it. Returns its exit code; undefined when the user refuses. */
  async run(command: string, ask: boolean): Promise<number | undefined> {
    const toolCallId = this.#nextCallId();
    const rawInput = { command };
    const call = { toolCallId, title: `Run ${command}`, kind: "execute", rawInput };
    this.update({ sessionUpdate: "tool_call", ...call, status: "pending" });
    if (!(await this.#isAllowed(call, ask))) return undefined;
    this.update({ sessionUpdate: "tool_call_update", toolCallId, status: "in_progress" });
    const { exitCode, output } = await this.#runShell(command);
    this.update({
      sessionUpdate: "tool_call_update",
      toolCallId,
      status: exitCode === 0 ? "completed" : "failed",
      content: [textContent(output)],
      rawOutput: { exitCode, output },
    });
    return exitCode;
  }

  /** Calls a tool of an MCP server. Returns false when the user refuses. */
  async callTool(name: string, input: Params, ask: boolean): Promise<boolean> {
    const toolCallId = this.#nextCallId();
    const call = { toolCallId, title: name, kind: "other", rawInput: input };
    this.update({ sessionUpdate: "tool_call", ...call, status: "pending" });
    if (!(await this.#isAllowed(call, ask))) return false;
    this.update({ sessionUpdate: "tool_call_update", toolCallId, status: "in_progress" });
    // Most prompts call no tool, and the library takes a while to load.
    const { callMcpTool } = await import("./mcp-tools.ts");
    const { failed, text } = await callMcpTool(this.session, name, input, this.signal);
    this.update({
      sessionUpdate: "tool_call_update",
      toolCallId,
      status: failed ? "failed" : "completed",
      content: [textContent(text)],
      rawOutput: { text },
    });
    await this.say(`${name} answered: ${text} `);
    return true;
  }

  /** Asks a question with several answers. Returns undefined when the user picks none. */
  async choose(question: string, answers: readonly string[]): Promise<string | undefined> {
    const toolCall = { toolCallId: this.#nextCallId(), title: question, kind: "other", status: "pending" };
    const options = [
      ...answers.map((name) => ({ optionId: name, name, kind: "allow_once" })),
      { optionId: "neither", name: "Neither", kind: "reject_once" },
    ];
    const params = { sessionId: this.session.id, toolCall, options };
    const { result } = await this.#peer.request("session/request_permission", params, this.signal);
    const outcome = isParams(result) && isParams(result.outcome) ? result.outcome : {};
    if (outcome.outcome === "cancelled") throw new DOMException("The question was cancelled", "AbortError");
    return answers.find((answer) => answer === outcome.optionId);
  }

  /** Resolves a path in the working directory. A path that leads out of it is reduced to its last segment. */
  resolveInside(name: string): string {
    const path = resolve(this.session.cwd, name);
    return path.startsWith(this.session.cwd + sep)
      ? path
      : join(this.session.cwd, name.split("/").at(-1) || "NOTES.md");
  }

  async readme(): Promise<string> {
    const names = await readdir(this.session.cwd).catch(() => []);
    return this.resolveInside(names.find((name) => /^readme(\.\w+)?$/i.test(name)) ?? "README.md");
  }

  async #stream(kind: string, text: string, pauseMs?: number): Promise<void> {
    for (const word of text.match(/\S+\s*/g) ?? []) {
      this.#outputTokens += 1;
      this.update({ sessionUpdate: kind, content: { type: "text", text: word } });
      await this.pause(pauseMs);
    }
  }

  async #isAllowed(call: Params & { readonly toolCallId: string }, ask: boolean): Promise<boolean> {
    if (!ask || this.session.alwaysAllowed || this.session.mode === "auto") return true;
    const answer = await this.#peer.request(
      "session/request_permission",
      { sessionId: this.session.id, toolCall: { ...call, status: "pending" }, options: permissionOptions },
      this.signal,
    );
    const outcome = isParams(answer.result) && isParams(answer.result.outcome) ? answer.result.outcome : {};
    if (outcome.optionId === "allow-always") this.session.alwaysAllowed = true;
    if (outcome.optionId === "allow-once" || outcome.optionId === "allow-always") return true;
    this.update({ sessionUpdate: "tool_call_update", toolCallId: call.toolCallId, status: "failed" });
    if (outcome.outcome === "cancelled") throw new DOMException("The permission was cancelled", "AbortError");
    return false;
  }

  #runShell(command: string): Promise<{ exitCode: number; output: string }> {
    const { cwd } = this.session;
    const options = { cwd, signal: this.signal, killSignal: "SIGKILL" as const, maxBuffer: 16 * outputLimit };
    return new Promise((resolve, reject) => {
      execFile("/bin/sh", ["-c", command], options, (error, stdout, stderr) => {
        if (this.signal.aborted) reject(this.signal.reason);
        else {
          const exitCode = typeof error?.code === "number" ? error.code : error ? 1 : 0;
          resolve({ exitCode, output: (stdout + stderr).slice(0, outputLimit) });
        }
      });
    });
  }

  #nextCallId(): string {
    this.#calls += 1;
    return `call-${this.session.updates.length}-${this.#calls}`;
  }
}

const permissionOptions = [
  { optionId: "allow-once", name: "Allow once", kind: "allow_once" },
  { optionId: "allow-always", name: "Always allow", kind: "allow_always" },
  { optionId: "reject-once", name: "Reject", kind: "reject_once" },
];

function textContent(text: string): Params {
  return { type: "content", content: { type: "text", text } };
}
