import { createInterface } from "node:readline";
import { harmless, jsonLine, type Screen, screenOf, style, UsageError } from "@holdfast/cli";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { ApprovalOption, ApprovalView, SessionEvent, StudioClient, TaskView } from "@holdfast/studio";
import { detailOf, originOf } from "./approvals.ts";
import { EventPrinter } from "./event-printer.ts";

/** By which a person, a closed terminal or a supervisor ends the command. */
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export type ApprovalMode = "ask" | "allow" | "deny";

export function approvalModeOf(text: string | undefined): ApprovalMode {
  if (text === undefined || text === "ask") return "ask";
  if (text === "allow" || text === "deny") return text;
  throw new UsageError(`--approve takes ask, allow or deny, not "${text}"`);
}

/** One run as it is watched: prints events in order, answers approvals, ends with the turn. */
export class TaskRun {
  readonly #client: StudioClient;
  readonly #taskId: string;
  readonly #approve: ApprovalMode;
  readonly #json: boolean;
  readonly #screen: Screen = screenOf(process.stdout);
  readonly #printer: EventPrinter;
  readonly #answers = new Answers();
  readonly #asked = new Set<string>();
  /** Questions that are on the terminal; `taken` when somebody else has answered. */
  readonly #waiting = new Set<{ readonly id: string; readonly taken: () => void }>();
  /** A person wants the task to end here: nothing that is still open is allowed, though its answers end too. */
  #stopping = false;
  /** How its turn has ended, which the session says before the task does. */
  #stopReason: string | undefined;
  #lastSeq: number;
  /** How many prompts the session has told of: the first is that of this turn. */
  #prompts = 0;
  /** Some agents end a turn as if it was stopped once something is denied. */
  #denied = false;

  /** True once its turn was stopped before its end: here, by another command, or in the Studio. */
  get wasStopped(): boolean {
    return this.#stopReason === "cancelled" && (this.#stopping || !this.#denied);
  }

  /** `afterSeq`: what the session said up to there is known already. */
  constructor(client: StudioClient, taskId: string, approve: ApprovalMode, json: boolean, afterSeq = 0) {
    this.#lastSeq = afterSeq;
    this.#client = client;
    this.#taskId = taskId;
    this.#approve = approve;
    this.#json = json;
    this.#printer = new EventPrinter(this.#screen);
  }

  async untilEnded(): Promise<TaskView> {
    const task = this.#client.task(this.#taskId);
    let view = await task.get();
    const session = this.#client.session(view.sessionId);
    let wake = () => {};
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    // What is kept is the end of this turn: the next one may have begun before it is looked at.
    let ended = hasEnded(view) ? view : undefined;
    const take = (next: TaskView) => {
      if (next.revision > view.revision) {
        view = next;
        if (hasEnded(next)) ended ??= next;
      }
      for (const { id, taken } of this.#waiting) if (!isAsked(view, id)) taken();
      wake();
    };
    // The server may have been started anew: how the turn ended, or what it asks, came in no event.
    const missed = () => void task.get().then(take, lost.reject);
    const changed = await task.on("changed", take, missed);
    const appended = await session.on("appended", () => wake());
    // The first signal stops the task, so that the diff so far is still shown.
    const stop = () => {
      // A second one ends the command at once, but SIGHUP: a terminal that is closed sends it twice.
      for (const signal of stopSignals) if (signal !== "SIGHUP") process.off(signal, stop);
      if (this.#stopping) return;
      this.#stopping = true;
      for (const { taken } of this.#waiting) taken();
      task.stop().catch(() => process.exit(1));
    };
    for (const signal of stopSignals) process.on(signal, stop);
    try {
      take(await task.get());
      for (;;) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await this.#catchUp(view.sessionId);
        for (const approval of view.approvals) {
          // What is asked after the end is asked by the next turn, which is watched by somebody else.
          if (ended !== undefined) break;
          // While one was answered, another may have been settled elsewhere.
          if (isAsked(view, approval.id)) await this.#settle(approval, view.unsafe);
        }
        if (ended !== undefined) {
          await this.#catchUp(ended.sessionId);
          this.#printer.flush();
          if (ended.error !== undefined && !this.#json) {
            process.stderr.write(`${style(this.#screen, "red", harmless(ended.error.message))}\n`);
          }
          return ended;
        }
        await Promise.race([woken, lost.promise]);
      }
    } finally {
      for (const signal of stopSignals) process.off(signal, stop);
      this.#answers.close();
      await Promise.all([changed.close(), appended.close()]);
    }
  }

  async #catchUp(sessionId: string): Promise<void> {
    for (;;) {
      const page = await this.#client.session(sessionId).events({ after: this.#lastSeq });
      for (const event of page.events) this.#show(event);
      if (page.events.length === 0 || this.#lastSeq >= page.head) return;
    }
  }

  #show(event: SessionEvent): void {
    this.#lastSeq = event.seq;
    // Each turn begins with its prompt. Those of turns after it may have come as well.
    if (event.body.type === "prompt") this.#prompts += 1;
    if (this.#prompts > 1) return;
    if (event.body.type === "turn-ended") this.#stopReason ??= event.body.stopReason;
    if (this.#json) console.log(jsonLine(event));
    else this.#printer.print(event);
  }

  async #settle(approval: ApprovalView, unsafe: boolean): Promise<void> {
    if (this.#stopping || this.#asked.has(approval.id)) return;
    this.#asked.add(approval.id);
    const elsewhere = Promise.withResolvers<undefined>();
    const waiting = { id: approval.id, taken: () => elsewhere.resolve(undefined) };
    this.#waiting.add(waiting);
    const option = await this.#choose(approval, unsafe, elsewhere.promise);
    this.#waiting.delete(waiting);
    if (option === undefined) return;
    this.#denied ||= option.kind === "reject_once" || option.kind === "reject_always";
    try {
      await this.#client.task(this.#taskId).answer(approval.id, option.id);
    } catch (error) {
      // Somebody else answered first, or it expired: the log says which.
      if (!isHoldfastError(error) || error.group !== "approval") throw error;
    }
  }

  /** Undefined when somebody else has answered, or the task is to stop, which `elsewhere` tells. */
  async #choose(
    approval: ApprovalView,
    unsafe: boolean,
    elsewhere: Promise<undefined>,
  ): Promise<ApprovalOption | undefined> {
    // Looked for when it is the answer: not every question can be allowed and denied.
    const allow = () => optionOf(approval, "allow_once", "allow_always");
    const deny = () => optionOf(approval, "reject_once", "reject_always");
    // Allowing beforehand is for what the agent does in its jail; what leaves it is asked each time.
    const leaves = approval.boundary !== undefined;
    if (this.#approve === "allow" && !leaves) return allow();
    if (this.#approve === "deny") return deny();
    this.#printer.flush();
    showQuestion(approval);
    const out = process.stderr;
    for (;;) {
      out.write("Answer with a number, y or n: ");
      const answer = await Promise.race([this.#answers.next(), elsewhere.then(() => null)]);
      if (answer === null) {
        out.write(this.#stopping ? "not answered\n" : "answered elsewhere\n");
        return undefined;
      }
      this.#answers.take();
      if (answer === undefined) {
        const deniedAs = leaves ? "it acts outside of the jail" : unsafe ? "there is no jail" : undefined;
        out.write(
          deniedAs === undefined
            ? "allowed once (nobody to ask; it is in a jail)\n"
            : `denied (nobody to ask, and ${deniedAs})\n`,
        );
        return deniedAs === undefined ? allow() : deny();
      }
      const text = answer.trim().toLowerCase();
      if (text === "y" || text === "yes" || text === "allow") return allow();
      if (text === "n" || text === "no" || text === "deny") return deny();
      const chosen = approval.options[Number(text) - 1];
      if (chosen !== undefined) return chosen;
    }
  }
}

/** Shows what is asked, and each answer with its number. All of it may be the agent's words. */
function showQuestion(approval: ApprovalView): void {
  const out = process.stderr;
  if (approval.boundary !== undefined) out.write("\nTHE GATE ASKS: this acts outside of the jail.");
  for (const line of originOf(approval)) out.write(`\n${line}`);
  out.write(`\n${[harmless(approval.title), ...detailOf(approval)].join("\n")}\n`);
  approval.options.forEach((option, index) => {
    out.write(`  ${index + 1}) ${harmless(option.name)}\n`);
  });
}

function isAsked(view: TaskView, approvalId: string): boolean {
  return view.approvals.some(({ id }) => id === approvalId);
}

function optionOf(approval: ApprovalView, ...kinds: readonly ApprovalOption["kind"][]): ApprovalOption {
  for (const kind of kinds) {
    const option = approval.options.find((candidate) => candidate.kind === kind);
    if (option !== undefined) return option;
  }
  throw new HoldfastError(
    "approval",
    "no_such_option",
    `The agent offers no option to ${kinds[0]?.split("_")[0]}`,
  );
}

function hasEnded(view: TaskView): boolean {
  return view.status === "idle" || view.status === "failed" || view.status === "stopped";
}

/** Lines of standard input, one for each question; undefined once it has ended. */
class Answers {
  #lines: AsyncIterator<string> | undefined;
  #next: Promise<string | undefined> | undefined;
  #close = () => {};

  /** The next line, undefined at the end. The same one again until it is taken. */
  next(): Promise<string | undefined> {
    if (this.#lines === undefined) {
      const reader = createInterface({ input: process.stdin });
      this.#lines = reader[Symbol.asyncIterator]();
      this.#close = () => {
        reader.close();
        // A read that is under way would keep the command from ending.
        process.stdin.destroy();
      };
    }
    this.#next ??= this.#lines.next().then(({ value, done }) => (done === true ? undefined : value));
    return this.#next;
  }

  take(): void {
    this.#next = undefined;
  }

  close(): void {
    this.#close();
  }
}
