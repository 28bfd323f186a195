/** What a job has come to: its state, and the log that people follow. */
import type { Client } from "holdfast/client";
import { CriticalError } from "holdfast/workflow";
import type { Activity, Computer, machines } from "./computer.ts";
import type { Delivery, EndStatus, JobView, Line, NumberedLine, Report, Start } from "./report.ts";
import { limits } from "./settings.ts";

export interface JobState {
  delivery: Delivery | undefined;
  title: string;
  status: JobView["status"];
  phase: JobView["phase"];
  attempt: number;
  /** The attempt that a person has stopped. */
  stopped: number;
  log: Line[];
  /** Number of lines that are no longer kept. */
  dropped: number;
  /** Folder of the attempt on the agent's computer, until it is deleted. */
  folder: string | undefined;
  sessionId: string | undefined;
  /** Hash of the stored patch. */
  patch: string | undefined;
  branch: string | undefined;
  pullUrl: string | undefined;
  error: string | undefined;
  tokens: number;
  dollars: number;
}

/** As much of the context of a step as is needed here. */
export interface JobContext {
  readonly key: readonly string[];
  readonly state: JobState;
  readonly log: { warn(text: string, fields: object): void };
  broadcast(event: "line", line: NumberedLine): void;
  broadcast(event: "changed", view: JobView): void;
}

export function newState(): JobState {
  return {
    ...{
      delivery: undefined,
      title: "",
      status: "waiting",
      phase: "prepare",
      attempt: 0,
      stopped: 0,
      log: [],
    },
    ...{
      dropped: 0,
      folder: undefined,
      sessionId: undefined,
      patch: undefined,
      branch: undefined,
      pullUrl: undefined,
    },
    ...{ error: undefined, tokens: 0, dollars: 0 },
  };
}

/** Begins an attempt. False for a message that has come before. */
export function begin(c: JobContext, { attempt, delivery }: Start): boolean {
  if (attempt <= c.state.attempt) return false;
  Object.assign(c.state, { delivery, attempt, status: "running", phase: "prepare", error: undefined });
  Object.assign(c.state, { sessionId: undefined, patch: undefined, branch: undefined, pullUrl: undefined });
  if (attempt > 1) say(c, "step", `Attempt ${attempt}`);
  show(c);
  return true;
}

/** Enters a phase, unless a person has stopped the attempt. */
export function enter(c: JobContext, phase: JobView["phase"]): void {
  requireGoing(c);
  c.state.phase = phase;
  show(c);
}

export function finish(c: JobContext, status: EndStatus, words: string): void {
  Object.assign(c.state, { status, error: status === "failed" ? words : undefined });
  say(c, status === "failed" ? "error" : "step", words);
  show(c);
}

/** Ends the attempt if a person has stopped it. */
export function requireGoing({ state }: JobContext): void {
  if (state.stopped === state.attempt) throw new CriticalError("A person has stopped this job");
}

export function say(c: JobContext, kind: Line["kind"], text: string): void {
  add(c, { at: Date.now(), kind, text: text.slice(0, limits.maxLineLength) });
}

/** Adds what the agent does; its words come in pieces, which are one line until it does something else. */
export function note(c: JobContext, { kind, text, isMore }: Activity): void {
  const last = c.state.log.at(-1);
  if (!isMore || last?.kind !== kind || last.text.length + text.length > limits.maxLineLength) {
    say(c, kind, text);
    return;
  }
  last.text += text;
  c.broadcast("line", { number: c.state.dropped + c.state.log.length - 1, line: { ...last } });
}

function add(c: JobContext, line: Line): void {
  c.state.log.push(line);
  if (c.state.log.length > limits.maxLogLines) {
    c.state.log.shift();
    c.state.dropped += 1;
  }
  c.broadcast("line", { number: c.state.dropped + c.state.log.length - 1, line });
}

export function show(c: JobContext): void {
  c.broadcast("changed", viewOf(c.state));
}

export function viewOf(state: JobState): JobView {
  const { status, phase, attempt, branch, pullUrl, error, tokens, patch } = state;
  return {
    ...{ status, phase, attempt, tokens, hasPatch: patch !== undefined },
    isStopping: status === "running" && state.stopped === attempt,
    ...(branch === undefined ? {} : { branch }),
    ...(pullUrl === undefined ? {} : { pullUrl }),
    ...(error === undefined ? {} : { error }),
  };
}

/** Tells the board. The message leaves with the change that is reported, and arrives also after a crash. */
export function report(
  c: JobContext & { client(): Pick<Client<never>, "getOrCreate"> },
  status: Report["status"],
): void {
  const { attempt, title, dollars, pullUrl } = c.state;
  const message: Report = {
    ...{ jobId: c.key[0] ?? "", attempt, status, title, dollars },
    ...(pullUrl === undefined ? {} : { pullUrl }),
  };
  const sent = c.client().getOrCreate("board", ["main"]).send("reports", message);
  sent.catch((error: unknown) => c.log.warn("the board was not told", { cause: String(error) }));
}

export function computerOf(c: {
  readonly key: readonly string[];
  client<R extends typeof machines>(): Client<R>;
}): Computer {
  return c.client<typeof machines>().computer.getOrCreate([...c.key]);
}

/** What went wrong, without the words about retries. */
export function messageOf({ message }: { readonly message: string }): string {
  return message.replace(/^Step "[^"]*" exhausted retries: /, "");
}
