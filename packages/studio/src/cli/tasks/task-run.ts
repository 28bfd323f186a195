import { createInterface } from "node:readline";
import { harmless, jsonLine, type Screen, screenOf, style, UsageError } from "@holdfast/cli";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { ApprovalOption, ApprovalView, SessionEvent, StudioClient, TaskView } from "@holdfast/studio";
import { waitsForStart } from "../../task-status.ts";
import { detailLines, originLines } from "../attention/approvals.ts";
import { EventPrinter } from "./event-printer.ts";

/** Signals from a user, a closed terminal or a supervisor that stop the task. */
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export type ApprovalMode = "ask" | "allow" | "deny";

export function approvalModeOf(text: string | undefined): ApprovalMode {
  if (text === undefined || text === "ask") return "ask";
  if (text === "allow" || text === "deny") return text;
  throw new UsageError(`--approve must be ask, allow or deny, not "${text}"`);
}

/** Follows one turn: prints its events in order, answers its approvals, and ends with it. */
export class TaskRun {
  readonly #client: StudioClient;
  readonly #taskId: string;
  readonly #approve: ApprovalMode;
  readonly #json: boolean;
  readonly #screen: Screen = screenOf(process.stdout);
  readonly #printer: EventPrinter;
  readonly #answers = new InputLines();
  readonly #presented = new Set<string>();
  /** Questions on the terminal; `withdraw` is called when one was answered elsewhere. */
  readonly #unanswered = new Set<{ readonly id: string; readonly withdraw: () => void }>();
  /** Set by a stop signal. Open questions end unanswered. */
  #stopping = false;
  /** Stop reason of the turn, which the session reports before the task does. */
  #stopReason: string | undefined;
  #lastSeq: number;
  /** Prompts seen in the session. The first one is that of this turn. */
  #prompts = 0;
  /** Some agents report a turn as cancelled when a question is denied. */
  #denied = false;

  /** True if the turn was stopped: here, by another command, or in the Studio. */
  get wasStopped(): boolean {
    return this.#stopReason === "cancelled" && (this.#stopping || !this.#denied);
  }

  /** Session events up to `afterSeq` are skipped. */
  constructor(client: StudioClient, taskId: string, approve: ApprovalMode, json: boolean, afterSeq = 0) {
    this.#lastSeq = afterSeq;
    this.#client = client;
    this.#taskId = taskId;
    this.#approve = approve;
    this.#json = json;
    this.#printer = new EventPrinter(this.#screen);
  }

  async waitForEnd(): Promise<TaskView> {
    const task = this.#client.task(this.#taskId);
    let view = await task.get();
    const session = this.#client.session(view.sessionId);
    let wake = () => {};
    const connectionLost = Promise.withResolvers<never>();
    connectionLost.promise.catch(() => {});
    // Remember the first view in which this turn has ended; the next turn may start before the loop looks.
    let ended = hasEnded(view) ? view : undefined;
    const onChange = (next: TaskView) => {
      if (next.revision > view.revision) {
        view = next;
        if (hasEnded(next)) ended ??= next;
      }
      for (const { id, withdraw } of this.#unanswered) if (!isOpen(view, id)) withdraw();
      wake();
    };
    // A restarted server may have changed the task without an event, so fetch its state.
    const refetch = () => void task.get().then(onChange, connectionLost.reject);
    const changed = await task.on("changed", onChange, refetch);
    const appended = await session.on("appended", () => wake());
    // The first signal stops the task, so that the diff so far is still shown.
    const stop = () => {
      // A second signal exits immediately, except SIGHUP, which a closed terminal sends twice.
      for (const signal of stopSignals) if (signal !== "SIGHUP") process.off(signal, stop);
      if (this.#stopping) return;
      this.#stopping = true;
      for (const { withdraw } of this.#unanswered) withdraw();
      task.stop().catch(() => process.exit(1));
    };
    for (const signal of stopSignals) process.on(signal, stop);
    try {
      onChange(await task.get());
      for (;;) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await this.#catchUp(view.sessionId);
        for (const approval of firstSession(view).approvals) {
          // Later questions belong to the next turn, which this command does not follow.
          if (ended !== undefined) break;
          // The question may have been settled elsewhere while another one was being answered.
          if (isOpen(view, approval.id)) await this.#answerQuestion(approval, view.unsafe);
        }
        if (ended !== undefined) {
          await this.#catchUp(ended.sessionId);
          this.#printer.flush();
          if (ended.error !== undefined && !this.#json) {
            process.stderr.write(`${style(this.#screen, "red", harmless(ended.error.message))}\n`);
            if (waitsForStart(firstSession(ended)))
              process.stderr.write(`holdfast tasks secrets ${this.#taskId} allow|deny\n`);
          }
          return ended;
        }
        await Promise.race([woken, connectionLost.promise]);
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
    // Each turn starts with its prompt. Skip the events of later turns.
    if (event.body.type === "prompt") this.#prompts += 1;
    if (this.#prompts > 1) return;
    if (event.body.type === "turn-ended") this.#stopReason ??= event.body.stopReason;
    if (this.#json) console.log(jsonLine(event));
    else this.#printer.print(event);
  }

  async #answerQuestion(approval: ApprovalView, unsafe: boolean): Promise<void> {
    if (this.#stopping || this.#presented.has(approval.id)) return;
    this.#presented.add(approval.id);
    const withdrawn = Promise.withResolvers<undefined>();
    const waiting = { id: approval.id, withdraw: () => withdrawn.resolve(undefined) };
    this.#unanswered.add(waiting);
    const option = await this.#promptUser(approval, unsafe, withdrawn.promise);
    this.#unanswered.delete(waiting);
    if (option === undefined) return;
    this.#denied ||= option.kind === "reject_once" || option.kind === "reject_always";
    try {
      await this.#client.task(this.#taskId).answer(approval.id, option.id);
    } catch (error) {
      // It was answered elsewhere or has expired. The log shows which.
      if (!isHoldfastError(error) || error.group !== "approval") throw error;
    }
  }

  /**
   * Asks the user. Returns undefined if `withdrawn` resolves first: the question was answered elsewhere, or the task
   * is stopping.
   */
  async #promptUser(
    approval: ApprovalView,
    unsafe: boolean,
    withdrawn: Promise<undefined>,
  ): Promise<ApprovalOption | undefined> {
    // Look the option up lazily: not every question offers both.
    const allow = () => requireOption(approval, "allow_once", "allow_always");
    const deny = () => requireOption(approval, "reject_once", "reject_always");
    // `--approve allow` covers actions inside the jail only; an action that leaves it is always asked about.
    const leavesJail = approval.boundary !== undefined;
    if (this.#approve === "allow" && !leavesJail) return allow();
    if (this.#approve === "deny") return deny();
    this.#printer.flush();
    showQuestion(approval);
    const out = process.stderr;
    for (;;) {
      out.write("Answer with a number, y or n: ");
      const answer = await Promise.race([this.#answers.peek(), withdrawn.then(() => null)]);
      if (answer === null) {
        out.write(this.#stopping ? "not answered\n" : "answered elsewhere\n");
        return undefined;
      }
      this.#answers.take();
      if (answer === undefined) {
        const denialReason = leavesJail
          ? "it acts outside the jail"
          : unsafe
            ? "there is no jail"
            : undefined;
        out.write(
          denialReason === undefined
            ? "allowed once (no more answers on standard input; the action stays in the jail)\n"
            : `denied (no more answers on standard input, and ${denialReason})\n`,
        );
        return denialReason === undefined ? allow() : deny();
      }
      const text = answer.trim().toLowerCase();
      if (text === "y" || text === "yes" || text === "allow") return allow();
      if (text === "n" || text === "no" || text === "deny") return deny();
      const chosen = approval.options[Number(text) - 1];
      if (chosen !== undefined) return chosen;
    }
  }
}

/** Shows a question and its numbered options. All text may come from the agent. */
function showQuestion(approval: ApprovalView): void {
  const out = process.stderr;
  if (approval.boundary !== undefined) out.write("\nTHE GATE REQUIRES APPROVAL: this acts outside the jail.");
  for (const line of originLines(approval)) out.write(`\n${line}`);
  out.write(`\n${[harmless(approval.title), ...detailLines(approval)].join("\n")}\n`);
  approval.options.forEach((option, index) => {
    out.write(`  ${index + 1}) ${harmless(option.name)}\n`);
  });
}

function isOpen(view: TaskView, approvalId: string): boolean {
  return view.approvals.some(({ id }) => id === approvalId);
}

function requireOption(approval: ApprovalView, ...kinds: readonly ApprovalOption["kind"][]): ApprovalOption {
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

/** The session that is followed. Others may work beside it. */
function firstSession(view: TaskView): Pick<TaskView, "status" | "approvals" | "error"> {
  return view.sessions.find(({ id }) => id === view.sessionId) ?? view;
}

function hasEnded(view: TaskView): boolean {
  const session = firstSession(view);
  const { status } = session;
  return status === "idle" || status === "failed" || status === "stopped" || waitsForStart(session);
}

/** Reads answers from standard input, one line per question; undefined at its end. */
class InputLines {
  #lines: AsyncIterator<string> | undefined;
  #pending: Promise<string | undefined> | undefined;
  #close = () => {};

  /** Peeks at the next line, or undefined at the end. Returns the same line until `take` is called. */
  peek(): Promise<string | undefined> {
    if (this.#lines === undefined) {
      const reader = createInterface({ input: process.stdin });
      this.#lines = reader[Symbol.asyncIterator]();
      this.#close = () => {
        reader.close();
        // A pending read would keep the process alive.
        process.stdin.destroy();
      };
    }
    this.#pending ??= this.#lines.next().then(({ value, done }) => (done === true ? undefined : value));
    return this.#pending;
  }

  take(): void {
    this.#pending = undefined;
  }

  close(): void {
    this.#close();
  }
}
