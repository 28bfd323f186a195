import { createInterface, type Interface } from "node:readline/promises";
import { failureText } from "@holdfast/cli";
import { isRecord } from "../http/problem.ts";
import { eventData } from "./api-acp.ts";
import type { ApiClient } from "./api-client.ts";
import { harmless } from "./output.ts";

/** What a question may say of the call that it is about: more would push the answers out of view. */
const maxInputCharacters = 2_000;

interface Question {
  readonly id: string;
  /** What is asked, for a terminal. */
  readonly lines: readonly string[];
  readonly choices: readonly Choice[];
}

/** One of the options that an agent offers, and the word by which a person takes it. */
interface Choice {
  readonly optionId: string;
  readonly name: string;
  readonly word: string;
}

export interface QuestionsOptions {
  readonly client: ApiClient;
  /** Path of the session. */
  readonly path: string;
  /** The command line that answers the session's questions, up to the id of one. */
  readonly byHand: string;
  /** Where a person can answer at once; else what is asked is told, with how to answer it. */
  readonly terminal: { readonly input: NodeJS.ReadableStream } | undefined;
}

/** Does `work`, and meanwhile tells on standard error what the session's agent asks, which it waits for. */
export async function withQuestions<T>(options: QuestionsOptions, work: () => Promise<T>): Promise<T> {
  const session = await options.client.ask("GET", options.path);
  const after = isRecord(session) ? Number(session["lastSequence"]) : 0;
  const over = new AbortController();
  const questions = new Questions(options, over.signal);
  const watching = questions.watch(after);
  try {
    return await work();
  } finally {
    over.abort();
    await watching;
  }
}

class Questions {
  readonly #options: QuestionsOptions;
  readonly #over: AbortSignal;
  /** Those that wait for an answer, each with what takes it from the person again. */
  readonly #open = new Map<string, AbortController>();
  #lines: Interface | undefined;
  /** One after the other: a terminal has one place to type. */
  #asking: Promise<void> = Promise.resolve();

  constructor(options: QuestionsOptions, over: AbortSignal) {
    this.#options = options;
    this.#over = over;
  }

  /** Tells what waits already and what comes behind the entry `after`; never rejects. */
  async watch(after: number): Promise<void> {
    const { client, path } = this.#options;
    const signal = this.#over;
    try {
      const waiting = await client.ask("GET", `${path}/permissions`, { query: { state: "pending" }, signal });
      const known = isRecord(waiting) ? waiting["permissions"] : undefined;
      for (const each of Array.isArray(known) ? known : []) this.#take(each);
      const headers = { accept: "text/event-stream" };
      const query = { after: String(after) };
      for await (const data of eventData(
        await client.send("GET", `${path}/events`, { query, headers, signal }),
      )) {
        const { payload }: { payload?: unknown } = JSON.parse(data);
        if (isRecord(payload) && payload["method"] === "_session/permission") this.#take(payload["params"]);
      }
      if (!signal.aborted) say("What the agent asks is not told any more: the log of the session has ended.");
    } catch (error) {
      if (!signal.aborted) say(`What the agent asks cannot be told: ${failureText(error)}`);
    } finally {
      for (const open of this.#open.values()) open.abort();
      await this.#asking;
      this.#lines?.close();
    }
  }

  #take(view: unknown): void {
    if (!isRecord(view) || typeof view["id"] !== "string") return;
    const { id, state } = view;
    if (state !== "pending") {
      this.#open.get(id)?.abort();
      this.#open.delete(id);
      return;
    }
    if (this.#open.has(id)) return;
    const open = new AbortController();
    this.#open.set(id, open);
    const question = questionOf(id, view);
    this.#asking = this.#asking.then(() => this.#put(question, open.signal));
  }

  /** Puts one question to the person, or tells how to answer it; never rejects. */
  async #put(question: Question, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    for (const line of question.lines) say(line);
    const { client, path, terminal } = this.#options;
    const optionId = terminal ? await this.#typed(terminal.input, question, signal) : undefined;
    if (optionId === undefined) {
      if (!signal.aborted) this.#tellByHand(question);
      return;
    }
    try {
      await client.ask("POST", `${path}/permissions/${encodeURIComponent(question.id)}`, {
        body: { optionId },
      });
    } catch (error) {
      say(failureText(error));
    }
  }

  #tellByHand({ id, choices }: Question): void {
    const { byHand } = this.#options;
    for (const { word, name } of choices) say(`  ${byHand} ${id} ${word}   # ${name}`);
  }

  /** What a person takes; undefined where somebody else was first, or the person has closed the input. */
  async #typed(
    input: NodeJS.ReadableStream,
    { choices }: Question,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    // Not in the raw mode of a terminal, in which Ctrl-C would be a key as any other.
    this.#lines ??= createInterface({ input, output: process.stderr, terminal: false });
    const lines = this.#lines;
    const closed = new AbortController();
    const close = () => closed.abort();
    lines.once("close", close);
    const given = { signal: AbortSignal.any([signal, closed.signal]) };
    try {
      for (;;) {
        const text = (await lines.question(`  ${choices.map(choiceText).join(", ")}? `, given)).trim();
        const choice = choices.find(({ word }) => text !== "" && word.startsWith(text));
        if (choice) return choice.optionId;
      }
    } catch (error) {
      if (!given.signal.aborted) throw error;
      say("");
      if (!closed.signal.aborted && !this.#over.aborted) say("  It is answered.");
      return undefined;
    } finally {
      lines.off("close", close);
    }
  }
}

function questionOf(id: string, { toolCall, options }: Readonly<Record<string, unknown>>): Question {
  const { title, kind, rawInput } = isRecord(toolCall) ? toolCall : {};
  const what = typeof title === "string" && title !== "" ? title : String(kind ?? "a permission");
  const input = rawInput === undefined ? undefined : JSON.stringify(rawInput);
  const cut = input !== undefined && input.length > maxInputCharacters;
  return {
    id,
    lines: [
      `The agent asks: ${what}`,
      ...(input === undefined ? [] : [`  ${input.slice(0, maxInputCharacters)}${cut ? " ... (cut)" : ""}`]),
    ],
    choices: choicesOf(Array.isArray(options) ? options.filter(isRecord) : []),
  };
}

/** An option that is the only one of its meaning goes by that, and one of several by its id. */
function choicesOf(options: readonly Readonly<Record<string, unknown>>[]): readonly Choice[] {
  const words = options.map(({ kind }) => meanings.get(String(kind)));
  return options.map(({ optionId, name }, index) => {
    const word = words[index];
    const isAlone = word !== undefined && words.filter((each) => each === word).length === 1;
    return {
      optionId: String(optionId),
      name: String(name),
      word: isAlone ? word : String(optionId),
    };
  });
}

const meanings = new Map([
  ["allow_once", "once"],
  ["allow_always", "always"],
  ["reject_once", "reject"],
  ["reject_always", "reject"],
]);

function choiceText({ word, name }: Choice): string {
  return harmless(`${word} (${name})`);
}

function say(line: string): void {
  process.stderr.write(`${harmless(line)}\n`);
}
