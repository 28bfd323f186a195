import { createInterface, type Interface } from "node:readline/promises";
import { failureText } from "@holdfast/cli";
import { isRecord } from "../http/problem.ts";
import { eventData } from "./api-acp.ts";
import type { ApiClient } from "./api-client.ts";
import { escapeControls } from "./output.ts";

/** Limit of the tool input that is shown. More would push the answers off the screen. */
const maxInputCharacters = 2_000;

interface Question {
  readonly id: string;
  /** Text of the question, for a terminal. */
  readonly lines: readonly string[];
  readonly choices: readonly Choice[];
}

/** One of the agent's options, with the word that the user types to choose it. */
interface Choice {
  readonly optionId: string;
  readonly name: string;
  readonly word: string;
}

export interface PermissionPrompterOptions {
  readonly client: ApiClient;
  /** API path of the session. */
  readonly path: string;
  /** Command line that answers a question of the session, without the question's id and the answer. */
  readonly answerCommand: string;
  /** Terminal in which the user can answer directly. Without it, the command that answers is printed. */
  readonly terminal: { readonly input: NodeJS.ReadableStream } | undefined;
}

/** Runs `work` and reports the permission requests of the session on standard error until it ends. */
export async function withPermissionPrompts<T>(
  options: PermissionPrompterOptions,
  work: () => Promise<T>,
): Promise<T> {
  const session = await options.client.requestJson("GET", options.path);
  const after = isRecord(session) ? Number(session["lastSequence"]) : 0;
  const finished = new AbortController();
  const prompter = new PermissionPrompter(options, finished.signal);
  const watching = prompter.watch(after);
  try {
    return await work();
  } finally {
    finished.abort();
    await watching;
  }
}

/** Asks the permission requests of a session in the terminal, one at a time. */
class PermissionPrompter {
  readonly #options: PermissionPrompterOptions;
  readonly #finished: AbortSignal;
  /** Pending questions, each with a controller that withdraws it from the terminal. */
  readonly #pending = new Map<string, AbortController>();
  #lines: Interface | undefined;
  /** Queue: a terminal can ask only one question at a time. */
  #queue: Promise<void> = Promise.resolve();

  constructor(options: PermissionPrompterOptions, finished: AbortSignal) {
    this.#options = options;
    this.#finished = finished;
  }

  /** Reports the pending questions and those that follow log entry `after`. Never rejects. */
  async watch(after: number): Promise<void> {
    const { client, path } = this.#options;
    const signal = this.#finished;
    try {
      const waiting = await client.requestJson("GET", `${path}/permissions`, {
        query: { state: "pending" },
        signal,
      });
      const pending = isRecord(waiting) ? waiting["permissions"] : undefined;
      for (const each of Array.isArray(pending) ? pending : []) this.#handleRequest(each);
      const headers = { accept: "text/event-stream" };
      const query = { after: String(after) };
      for await (const data of eventData(
        await client.request("GET", `${path}/events`, { query, headers, signal }),
      )) {
        const { payload }: { payload?: unknown } = JSON.parse(data);
        if (isRecord(payload) && payload["method"] === "_session/permission")
          this.#handleRequest(payload["params"]);
      }
      if (!signal.aborted)
        printLine("The session's log has ended: further questions of the agent are not shown.");
    } catch (error) {
      if (!signal.aborted) printLine(`Questions of the agent cannot be shown: ${failureText(error)}`);
    } finally {
      for (const withdrawal of this.#pending.values()) withdrawal.abort();
      await this.#queue;
      this.#lines?.close();
    }
  }

  #handleRequest(view: unknown): void {
    if (!isRecord(view) || typeof view["id"] !== "string") return;
    const { id, state } = view;
    if (state !== "pending") {
      this.#pending.get(id)?.abort();
      this.#pending.delete(id);
      return;
    }
    if (this.#pending.has(id)) return;
    const withdrawal = new AbortController();
    this.#pending.set(id, withdrawal);
    const question = toQuestion(id, view);
    this.#queue = this.#queue.then(() => this.#ask(question, withdrawal.signal));
  }

  /** Asks one question in the terminal, or prints the command that answers it. Never rejects. */
  async #ask(question: Question, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    for (const line of question.lines) printLine(line);
    const { client, path, terminal } = this.#options;
    const optionId = terminal ? await this.#readChoice(terminal.input, question, signal) : undefined;
    if (optionId === undefined) {
      if (!signal.aborted) this.#printAnswerCommands(question);
      return;
    }
    try {
      await client.requestJson("POST", `${path}/permissions/${encodeURIComponent(question.id)}`, {
        body: { optionId },
      });
    } catch (error) {
      printLine(failureText(error));
    }
  }

  #printAnswerCommands({ id, choices }: Question): void {
    const { answerCommand: byHand } = this.#options;
    for (const { word, name } of choices) printLine(`  ${byHand} ${id} ${word}   # ${name}`);
  }

  /** Reads the user's choice. Undefined when the question was answered elsewhere or the input was closed. */
  async #readChoice(
    input: NodeJS.ReadableStream,
    { choices }: Question,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    // Raw mode would deliver Ctrl-C as an ordinary key.
    this.#lines ??= createInterface({ input, output: process.stderr, terminal: false });
    const lines = this.#lines;
    const closed = new AbortController();
    const close = () => closed.abort();
    lines.once("close", close);
    const questionOptions = { signal: AbortSignal.any([signal, closed.signal]) };
    try {
      for (;;) {
        const text = (
          await lines.question(`  ${choices.map(choiceText).join(", ")}? `, questionOptions)
        ).trim();
        const choice = choices.find(({ word }) => text !== "" && word.startsWith(text));
        if (choice) return choice.optionId;
      }
    } catch (error) {
      if (!questionOptions.signal.aborted) throw error;
      printLine("");
      if (!closed.signal.aborted && !this.#finished.aborted) printLine("  Already answered.");
      return undefined;
    } finally {
      lines.off("close", close);
    }
  }
}

function toQuestion(id: string, { toolCall, options }: Readonly<Record<string, unknown>>): Question {
  const { title, kind, rawInput } = isRecord(toolCall) ? toolCall : {};
  const subject = typeof title === "string" && title !== "" ? title : String(kind ?? "a permission");
  const input = rawInput === undefined ? undefined : JSON.stringify(rawInput);
  const cut = input !== undefined && input.length > maxInputCharacters;
  return {
    id,
    lines: [
      `The agent asks: ${subject}`,
      ...(input === undefined
        ? []
        : [`  ${input.slice(0, maxInputCharacters)}${cut ? " ... (truncated)" : ""}`]),
    ],
    choices: toChoices(Array.isArray(options) ? options.filter(isRecord) : []),
  };
}

/** Assigns words to options: its meaning if no other option has the same, else its id. */
function toChoices(options: readonly Readonly<Record<string, unknown>>[]): readonly Choice[] {
  const words = options.map(({ kind }) => wordsByKind.get(String(kind)));
  return options.map(({ optionId, name }, index) => {
    const word = words[index];
    const isUnique = word !== undefined && words.filter((each) => each === word).length === 1;
    return {
      optionId: String(optionId),
      name: String(name),
      word: isUnique ? word : String(optionId),
    };
  });
}

const wordsByKind = new Map([
  ["allow_once", "once"],
  ["allow_always", "always"],
  ["reject_once", "reject"],
  ["reject_always", "reject"],
]);

function choiceText({ word, name }: Choice): string {
  return escapeControls(`${word} (${name})`);
}

function printLine(line: string): void {
  process.stderr.write(`${escapeControls(line)}\n`);
}
