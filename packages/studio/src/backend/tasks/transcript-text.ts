import { organizationOfId } from "../../access/organization-ids.ts";
import type { SessionEvent, SessionPage } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { createTranscript, reduceTranscript } from "../../transcript.ts";
import type { BackendHost } from "../host.ts";
import { sessionsOf, type TaskSession, type TaskState } from "../task-state.ts";
import { noTask, piecesOf, type TextPiece, type TextPush } from "./text.ts";

/** What a task keeps in memory about its text. */
export interface TextVars {
  /** Tail of the mutex that serializes pushes. */
  textTail?: Promise<void>;
}

/** The part of a task's context that is used here. */
export interface TextContext {
  readonly state: TaskState;
  readonly vars: TextVars;
  keepAwake<T>(promise: Promise<T>): Promise<T>;
  readonly schedule: { after(ms: number, action: string): Promise<string> };
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/** Events of a log that become one push. */
const eventsPerPush = 200;

/**
 * Tells the organization the text of a task's transcripts, so that a search finds it: after each turn, what is new in
 * their logs, a bounded part in each call.
 */
export class TranscriptText {
  readonly #host: Pick<BackendHost, "ports">;

  constructor(host: Pick<BackendHost, "ports">) {
    this.#host = host;
  }

  /** Pushes later, by an alarm that a crash does not lose. */
  async schedule(c: TextContext): Promise<void> {
    await c.schedule.after(0, "internal.pushText");
  }

  /** Pushes what is new. A failure is logged; the next turn pushes again. */
  push(c: TextContext): Promise<void> {
    const turn = (c.vars.textTail ?? Promise.resolve())
      .then(() => this.#pushAll(c))
      .catch((error: unknown) =>
        this.#host.ports.log.warn("could not make a transcript findable", { taskId: c.state.id, error }),
      );
    c.vars.textTail = turn;
    return c.keepAwake(turn);
  }

  async #pushAll(c: TextContext): Promise<void> {
    for (const session of sessionsOf(c.state)) await this.#pushSession(c, session);
  }

  async #pushSession(c: TextContext, session: TaskSession): Promise<void> {
    const { sessionId } = session;
    const isFirst = sessionId === c.state.sessionId;
    for (;;) {
      const after = session.textSeq ?? 0;
      const query = { after, limit: eventsPerPush };
      const page = await c
        .client()
        .get("session", [sessionId])
        .action<SessionPage>({ name: "events", args: [query] });
      const last = page.events.at(-1);
      if (last === undefined) return;
      const push: TextPush = {
        taskId: c.state.id,
        ...(isFirst ? {} : { sessionId }),
        ...{ after, seq: last.seq, pieces: textOf(page.events) },
      };
      const organization = c.client().get("organization", [organizationOfId(c.state.id)]);
      const known = await organization.action<number>({ name: "internal.addText", args: [push] });
      // A deletion may fail, and the task then goes on.
      if (known === noTask) return;
      session.textSeq = known;
      if (known >= page.head) return;
    }
  }
}

/** What people read in these events, in pieces: prompts, the agent's messages, titles of its tool calls. */
export function textOf(events: readonly SessionEvent[]): readonly TextPiece[] {
  const pieces: TextPiece[] = [];
  let spoken = "";
  for (const item of reduceTranscript(createTranscript(), events).items) {
    if (item.type === "prompt") pieces.push(...piecesOf("prompt", item.text));
    else if (item.type === "message") spoken += `${item.text}\n`;
    else if (item.type === "tool") spoken += `${item.title}\n`;
  }
  pieces.push(...piecesOf("transcript", spoken));
  return pieces.slice(0, studioLimits.maxTextPiecesPerPush);
}
