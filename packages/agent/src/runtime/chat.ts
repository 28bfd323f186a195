/**
 * One chat with an agent: its turns in order, its stream, its questions. Lives as long as its actor is in memory; what
 * has to outlive that is in the actor's database.
 */
import { HoldfastError, isHoldfastError, messageOf, systemClock, systemRandom, uuidv7 } from "@holdfast/core";
import type { ContentBlock, Session } from "@holdfast/sandbox-client";
import { ActorSessionPersistDriver } from "@holdfast/sandbox-client/persist/actor";
import type { TurnEnding } from "../chat/chunk-writer.ts";
import { textOf, type UiMessage } from "../chat/messages.ts";
import { promptBlocks, readPrompt } from "../chat/prompt.ts";
import { agentLimits } from "../limits.ts";
import { type AgentOptions, memoryLimits } from "../options.ts";
import { type Approval, Approvals } from "../store/approvals.ts";
import { Facts } from "../store/facts.ts";
import { checkQueue, type Settlement, type Turn, Turns } from "../store/turns.ts";
import { Connection, type Providers, toolsId } from "./connection.ts";
import type { ChatContext } from "./context.ts";
import { LiveTurn } from "./live-turn.ts";
import { type ApprovalReply, Questions } from "./questions.ts";
import { RunningTurn } from "./running-turn.ts";
import { memoryTools, serveTools } from "./tool-server.ts";

const queueName = "turns";

/** What a turn has come to, for a caller that waits for it. */
export interface TurnResult {
  readonly turn: Turn;
  readonly text: string;
  readonly message: UiMessage;
}

/** A turn as it is now. */
export interface TurnDetails {
  readonly turn: Turn;
  readonly prompt: UiMessage;
  /** What the agent has said so far; undefined before its turn began. */
  readonly message: UiMessage | undefined;
  readonly approvals: readonly Approval[];
}

export class Chat {
  readonly turns: Turns;
  readonly approvals: Approvals;
  readonly facts: Facts;
  readonly #c: ChatContext;
  readonly #options: AgentOptions;
  readonly #connection: Connection;
  readonly #questions: Questions;
  readonly #live = new Map<string, LiveTurn>();
  #running: RunningTurn | undefined;

  constructor(c: ChatContext, options: AgentOptions, providers: Providers) {
    this.#c = c;
    this.#options = options;
    this.turns = new Turns(c.db);
    this.approvals = new Approvals(c.db);
    const memory = memoryLimits(options);
    const { maxFacts, maxFactBytes } = agentLimits;
    this.facts = new Facts(c.db, memory ?? { maxFacts, maxFactBytes });
    this.#questions = new Questions(c, options.permissions, this.approvals);
    const tools = { ...options.tools, ...(memory === undefined ? {} : memoryTools(this.facts)) };
    const hasTools = Object.keys(tools).length > 0;
    const servers = hasTools ? { [toolsId]: serveTools.bind(undefined, tools, () => c) } : {};
    this.#connection = new Connection(c, options, providers, servers);
  }

  /** Settles the turn that a crash or a stop has interrupted. Called at each start. */
  async recover(): Promise<void> {
    for (const turn of this.turns.open()) {
      if (turn.status !== "running") continue;
      const running = new RunningTurn(turn, new LiveTurn(), () => {});
      await this.#replay(running, this.turns.firstEvent(turn.id));
      const ending: TurnEnding = { kind: "failed", message: "The turn was interrupted" };
      await this.#questions.close(turn.id, "expired");
      await this.#settle(turn, { status: "interrupted", message: running.end(ending) });
    }
  }

  /** Works on the queued turns, one after the other, until the actor stops. */
  async work(): Promise<void> {
    for await (const { body } of this.#c.queue.iter({ names: [queueName] })) await this.#run(String(body));
  }

  /** Queues a prompt; with the id of a message that there is already, returns its turn. */
  async prompt(prompt: unknown, id: string = newId()): Promise<Turn> {
    if (typeof id !== "string" || id.length === 0 || id.length > 200)
      throw new HoldfastError("agent", "invalid_prompt", "The id of a prompt has 1 to 200 characters", {
        statusCode: 400,
      });
    const known = this.turns.ofUserMessage(id);
    if (known) return known;
    const parts = readPrompt(prompt);
    promptBlocks(parts);
    checkQueue(this.turns.open());
    const createdAt = Date.now();
    const turnId = newId();
    const message: UiMessage = { id, role: "user", metadata: { turn: turnId, createdAt }, parts };
    const turn = await this.turns.add(turnId, newId(), message);
    await this.#c.queue.send(queueName, turnId);
    this.#c.broadcast("message", message);
    this.#c.broadcast("turn", turn);
    return turn;
  }

  /** Resolves when the turn has ended. */
  async result(turnId: string): Promise<TurnResult> {
    await this.live(turnId)?.finished();
    const turn = this.turns.get(turnId);
    const message = this.turns.message(turnId);
    if (message === undefined) throw new Error(`The turn ${turnId} has ended without a message`);
    return { turn, text: textOf(message), message };
  }

  details(turnId: string): TurnDetails {
    const turn = this.turns.get(turnId);
    const running = this.#running?.id === turnId ? this.#running : undefined;
    const approvals = this.approvals.pending().filter((approval) => approval.turn === turnId);
    const message = this.turns.message(turnId) ?? running?.message();
    return { turn, prompt: this.turns.userMessage(turnId), message, approvals };
  }

  /** The stream of a turn that has not ended; undefined for one that has. Throws `agent.unknown_turn`. */
  live(turnId: string): LiveTurn | undefined {
    if (this.turns.get(turnId).settledAt !== undefined) return undefined;
    const live = this.#live.get(turnId) ?? new LiveTurn();
    this.#live.set(turnId, live);
    return live;
  }

  get runningTurn(): Turn | undefined {
    return this.#running && this.turns.get(this.#running.id);
  }

  /** Cancels a turn, or the running one and all that wait. Returns the ids of the cancelled turns. */
  async cancel(turnId?: string): Promise<string[]> {
    const open = this.turns.open().filter(({ id }) => turnId === undefined || id === turnId);
    if (turnId !== undefined) this.turns.get(turnId);
    for (const turn of open) {
      if (turn.id === this.#running?.id) this.#running.cancel.abort();
      else await this.#settleUnstarted(turn);
    }
    return open.map(({ id }) => id);
  }

  async answer(id: string, reply: ApprovalReply): Promise<Approval> {
    return await this.#questions.answer(id, reply, this.#running);
  }

  /** The last messages, oldest first, with what the running turn has come to. */
  messages(limit: number): UiMessage[] {
    const messages = this.turns.messages(limit);
    const running = this.#running;
    if (running === undefined) return messages.slice(-limit);
    const waiting = this.approvals.pending().length > 0;
    const at = messages.findIndex(({ metadata }) => metadata.turn === running.id);
    return messages.toSpliced(at + 1, 0, running.message(waiting)).slice(-limit);
  }

  /** Begins a new session: the agent knows nothing of what was said before. Throws `agent.turn_running`. */
  async reset(): Promise<void> {
    if (this.#running !== undefined)
      throw new HoldfastError("agent", "turn_running", "A turn is running: cancel it first", {
        statusCode: 409,
      });
    await this.#connection.drop();
    this.#c.state.session += 1;
  }

  /** Interrupts the running turn, then lets go of the sandbox. */
  async sleep(): Promise<void> {
    await this.#stop();
    await this.#connection.sleep();
  }

  async destroy(): Promise<void> {
    await this.#stop();
    await this.#connection.destroy();
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    running?.cancel.abort();
    await running?.live.finished();
  }

  async #run(turnId: string): Promise<void> {
    const queued = this.turns.get(turnId);
    if (queued.status !== "queued") return;
    const turn = await this.turns.begin(turnId, Date.now(), this.#lastEvent());
    const live = this.live(turnId) ?? new LiveTurn();
    const running = new RunningTurn(turn, live, (chunk, position) =>
      this.#c.broadcast("chunk", { turn: turnId, messageId: turn.messageId, position, chunk }),
    );
    this.#running = running;
    this.#c.broadcast("turn", turn);
    try {
      const { settlement, ending } = await this.#outcome(turn, running);
      await this.#questions.close(turnId, "cancelled");
      await this.#settle(turn, { ...settlement, message: running.end(ending) });
    } finally {
      this.#running = undefined;
      this.#live.delete(turnId);
      live.end();
    }
  }

  async #outcome(
    turn: Turn,
    running: RunningTurn,
  ): Promise<{ settlement: Omit<Settlement, "message">; ending: TurnEnding }> {
    try {
      const stopReason = await this.#promptAgent(turn, running);
      if (stopReason !== "cancelled")
        return { settlement: { status: "completed", stopReason }, ending: { kind: "completed", stopReason } };
    } catch (error) {
      if (!running.cancel.signal.aborted) {
        this.#c.log.warn("a turn of an agent failed", { cause: String(error) });
        // The sandbox may be gone. The next turn looks for it, or makes another one.
        await this.#connection.drop();
        const code = isHoldfastError(error) ? `${error.group}.${error.code}` : "agent.turn_failed";
        const message = messageOf(error);
        return {
          settlement: { status: "failed", error: { code, message } },
          ending: { kind: "failed", message },
        };
      }
    }
    return this.#c.aborted
      ? {
          settlement: { status: "interrupted" },
          ending: { kind: "failed", message: "The turn was interrupted" },
        }
      : { settlement: { status: "cancelled" }, ending: { kind: "cancelled" } };
  }

  /** Sends the prompt to the agent; returns the agent's word for how the turn ended. */
  async #promptAgent(turn: Turn, running: RunningTurn): Promise<string> {
    const { signal } = running.cancel;
    const client = await this.#connection.client();
    signal.throwIfAborted();
    const session = await this.#connection.session();
    const stops = [
      session.onEvent((event) => void running.observe(event)),
      session.onPermissionRequest((request) => {
        const id = running.takeApprovalId(request.rawRequest.toolCall.toolCallId);
        this.#questions.ask(id, running, client, request).catch((error: unknown) => {
          this.#c.log.warn("a question of an agent could not be asked", { cause: String(error) });
        });
      }),
    ];
    try {
      const blocks = [
        ...(await this.#introduction(session)),
        ...promptBlocks(this.turns.userMessage(turn.id).parts),
      ];
      const { stopReason } = await session.prompt(blocks, { signal });
      this.#c.state.instructed = session.agentSessionId;
      return stopReason;
    } finally {
      for (const stop of stops) stop();
    }
  }

  /** What a session that does not know it yet is told first. */
  async #introduction(session: Session): Promise<ContentBlock[]> {
    if (this.#c.state.instructed === session.agentSessionId) return [];
    const { instructions } = this.#options;
    const { actorId, name, key } = this.#c;
    const told =
      typeof instructions === "function" ? await instructions({ actorId, name, key }) : instructions;
    const texts = told === undefined ? [] : [told];
    if (memoryLimits(this.#options) !== undefined) {
      const facts = this.facts.recall("", agentLimits.maxToldFacts).map(({ id, text }) => `${id}. ${text}`);
      texts.push(
        "You have a memory: keep what will matter later with the tool `remember`, find it with `recall`.",
        ...(facts.length === 0 ? [] : [`Facts in it:\n${facts.join("\n")}`]),
      );
    }
    return texts.map((text) => ({ type: "text", text }));
  }

  async #settle(turn: Turn, settlement: Settlement): Promise<void> {
    const settled = await this.turns.settle(turn.id, Date.now(), settlement);
    await this.#tellProgram(settled, textOf(settlement.message));
    this.#c.broadcast("message", settlement.message);
    this.#c.broadcast("turn", settled);
  }

  async #settleUnstarted(turn: Turn): Promise<void> {
    const live = this.live(turn.id) ?? new LiveTurn();
    const unstarted = new RunningTurn(turn, live, () => {});
    await this.#settle(turn, { status: "cancelled", message: unstarted.end({ kind: "cancelled" }) });
    this.#live.delete(turn.id);
    live.end();
  }

  async #tellProgram(turn: Turn, text: string): Promise<void> {
    try {
      await this.#options.onTurnEnd?.(this.#c, turn, text);
    } catch (error) {
      this.#c.log.error("onTurnEnd of an agent failed", { cause: String(error) });
    }
  }

  #lastEvent(): number {
    const sql = "SELECT max(event_index) AS last FROM sandbox_events WHERE session_id = ?";
    return this.#c.db.get<{ last: number | null }>(sql, this.#connection.sessionId)?.last ?? 0;
  }

  /** Gives a turn the events that are in the log, and its questions. */
  async #replay(running: RunningTurn, after: number): Promise<void> {
    const driver = new ActorSessionPersistDriver(this.#c.db);
    const sessionId = this.#connection.sessionId;
    let cursor: string | undefined = String(after);
    while (cursor !== undefined) {
      const page: Awaited<ReturnType<typeof driver.listEvents>> = await driver.listEvents({
        sessionId,
        cursor,
      });
      for (const event of page.items) {
        const asked = running.observe(event);
        const approval = asked === undefined ? undefined : this.approvals.find(asked);
        if (approval === undefined) continue;
        running.requestApproval(approval);
        if (approval.state === "answered") running.answerApproval(approval);
      }
      cursor = page.nextCursor;
    }
  }
}

function newId(): string {
  return uuidv7(systemClock, systemRandom);
}
