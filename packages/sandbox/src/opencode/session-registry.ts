import { invalid, isRecord, problem } from "../http/problem.ts";
import type { Session } from "../sessions/session.ts";
import type { DraftSeed, Sessions } from "../sessions/sessions.ts";
import { type ContentBlocks, contentOf } from "../sessions/turns/prompt-queue.ts";
import type { PermissionView, PromptView, SessionRecord } from "../sessions/types.ts";
import type { Catalog } from "./catalog.ts";
import type { Hub } from "./hub.ts";
import { permissionPrefix, questionPrefix, sessionIdsOf, wireSessionId, without } from "./ids.ts";
import { notThere } from "./routes/errors.ts";
import { isQuestion } from "./transcript/questions.ts";
import { contextOf, defaultMode, defaultModel } from "./transcript/session-shape.ts";
import { noTokens, type WireAssistantMessage, type WireMessageWithParts, type WireModel } from "./wire.ts";

/** How a client wants a prompt to be answered. */
export interface Wanted {
  readonly model?: WireModel | undefined;
  /** OpenCode's word for a mode. */
  readonly agent?: string | undefined;
}

const maxTitleLength = 60;

/** What OpenCode's clients do with sessions, in the words of the server's own. */
export class SessionRegistry {
  readonly sessions: Sessions;
  readonly hub: Hub;
  readonly #catalog: Catalog;

  constructor(sessions: Sessions, hub: Hub, catalog: Catalog) {
    this.sessions = sessions;
    this.hub = hub;
    this.#catalog = catalog;
  }

  /** The session that clients call `wireId`. Throws `not_found`. */
  get(wireId: string): Session {
    for (const id of sessionIdsOf(wireId)) {
      const session = this.sessions.find(id);
      if (session) return session;
    }
    throw notThere("session", wireId);
  }

  /** A session whose agent is started with its first prompt. */
  async draft(seed: Omit<DraftSeed, "agent" | "mcpServers">, wanted: Wanted): Promise<Session> {
    const agent = wanted.model?.providerID ?? (await this.#catalog.defaultAgent());
    if (!this.#catalog.has(agent)) throw invalid(`there is no agent "${agent}"`);
    const model = named(wanted.model?.modelID, defaultModel);
    const mode = named(wanted.agent, defaultMode);
    return this.sessions.draft({
      ...seed,
      agent,
      mcpServers: [],
      ...(model === undefined ? {} : { model }),
      ...(mode === undefined ? {} : { mode }),
    });
  }

  /** Accepts a prompt for the agent, model and mode that the client wants. */
  async prompt(
    session: Session,
    wanted: Wanted,
    content: ContentBlocks,
    messageId?: string,
  ): Promise<PromptView> {
    await this.#suit(session, wanted);
    const accepted = session.prompts.accept(messageId, content);
    if (session.record.title === undefined) {
      const title = titleOf(content);
      if (title !== undefined) session.update({ title });
    }
    await this.kept();
    return accepted;
  }

  /** Resolves when all that was done is on the disk: what is answered holds. */
  async kept(): Promise<void> {
    await this.sessions.store.synced();
  }

  /** The prompt, once it is settled, and that is kept. */
  async settled(session: Session, promptId: string): Promise<PromptView> {
    const settled = await session.prompts.settled(promptId);
    await this.kept();
    return settled;
  }

  /** The agent's message for a prompt, once it is settled. */
  async answer(session: Session, promptId: string): Promise<WireMessageWithParts> {
    const settled = await this.settled(session, promptId);
    const turn = this.hub.latest(session).turnOf(promptId) ?? this.hub.transcript(session).turnOf(promptId);
    return turn?.messages[1] ?? unanswered(session.record, settled);
  }

  /** Questions of all agents that wait for an answer. */
  asked(kind: "permission" | "question"): PermissionView[] {
    return this.sessions
      .permissions("pending")
      .filter((view) => isQuestion(view.options) === (kind === "question"));
  }

  /** The permission or question of this id, and its session; of whatever state. */
  ask(
    kind: "permission" | "question",
    id: string,
  ): { readonly session: Session; readonly view: PermissionView } {
    const inner = without(kind === "permission" ? permissionPrefix : questionPrefix, id) ?? id;
    const view = this.sessions.permissions(undefined).find((each) => each.id === inner);
    const session = view && this.sessions.find(view.sessionId);
    if (!view || !session || isQuestion(view.options) !== (kind === "question")) throw notThere(kind, id);
    return { session, view };
  }

  async #suit(session: Session, { model, agent }: Wanted): Promise<void> {
    if (model && model.providerID !== session.record.agent) {
      if (!this.#catalog.has(model.providerID)) throw invalid(`there is no agent "${model.providerID}"`);
      await session.assign(model.providerID);
    }
    const { record } = session;
    const wantedModel = named(model?.modelID, defaultModel);
    const wantedMode = agent === undefined ? undefined : modeFor(record, agent);
    const settings = {
      ...(wantedModel === undefined || wantedModel === record.model ? {} : { model: wantedModel }),
      ...(wantedMode === undefined || wantedMode === record.mode ? {} : { mode: wantedMode }),
    };
    if (Object.keys(settings).length === 0) return;
    // What an agent does not offer that is not there yet is noticed in the log when it is.
    if (record.agentSessionId === undefined) session.update(settings);
    else await session.configure(settings, undefined);
  }
}

function named(value: string | undefined, meaningless: string): string | undefined {
  return value === meaningless ? undefined : value;
}

/** OpenCode's default agent is the mode that an agent begins with. */
function modeFor(record: SessionRecord, agent: string): string | undefined {
  if (agent !== defaultMode) return agent;
  if (record.mode === undefined) return undefined;
  const offered = modesOf(record);
  return offered.includes(defaultMode) ? defaultMode : offered[0];
}

function modesOf({ modes, configOptions }: SessionRecord): string[] {
  const older: unknown = isRecord(modes) ? modes.availableModes : undefined;
  if (Array.isArray(older)) return texts(older, "id");
  const options: readonly unknown[] = Array.isArray(configOptions) ? configOptions : [];
  const option = options.filter(isRecord).find((each) => each.category === "mode");
  return Array.isArray(option?.options) ? texts(option.options, "value") : [];
}

function texts(items: readonly unknown[], name: string): string[] {
  return items.filter(isRecord).flatMap((item) => (typeof item[name] === "string" ? [item[name]] : []));
}

function titleOf(content: ContentBlocks): string | undefined {
  const text = content.find((block) => typeof block.text === "string")?.text;
  const line = typeof text === "string" ? text.trim().split("\n", 1)[0]?.trim() : undefined;
  if (line === undefined || line === "") return undefined;
  return line.length > maxTitleLength ? `${line.slice(0, maxTitleLength - 1)}…` : line;
}

/** The answer to a prompt whose turn never began. */
function unanswered(record: SessionRecord, prompt: PromptView): WireMessageWithParts {
  const { cwd, mode, model } = contextOf(record);
  const at = prompt.settledAt ?? prompt.createdAt;
  const info: WireAssistantMessage = {
    id: `msg_${prompt.id.replaceAll("-", "")}`,
    sessionID: wireSessionId(record.id),
    role: "assistant",
    time: { created: prompt.createdAt, completed: at },
    error:
      prompt.status === "cancelled"
        ? { name: "MessageAbortedError", data: { message: "The prompt was cancelled" } }
        : { name: "UnknownError", data: { message: prompt.error?.message ?? "The agent did not answer" } },
    parentID: prompt.id,
    mode,
    agent: mode,
    path: { cwd, root: cwd },
    cost: 0,
    tokens: noTokens,
    ...model,
  };
  return { info, parts: [] };
}

/** The content blocks of a text of the server itself. */
export function textPrompt(text: string): ContentBlocks {
  const content = contentOf(text);
  if (!content) throw problem("invalid_request", 400, "the prompt is empty");
  return content;
}
