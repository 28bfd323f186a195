import { invalid, isRecord, problem } from "../http/problem.ts";
import type { Session } from "../sessions/session.ts";
import type { DraftSeed, Sessions } from "../sessions/sessions.ts";
import { type ContentBlocks, parseContent } from "../sessions/turns/prompt-queue.ts";
import type { PermissionView, PromptView, SessionRecord } from "../sessions/types.ts";
import type { Catalog } from "./catalog.ts";
import type { Hub } from "./hub.ts";
import { candidateSessionIds, permissionPrefix, questionPrefix, stripPrefix, wireSessionId } from "./ids.ts";
import { notFound } from "./routes/errors.ts";
import { isQuestion } from "./transcript/permissions.ts";
import { defaultMode, defaultModel, turnContext } from "./transcript/session-shape.ts";
import { noTokens, type WireAssistantMessage, type WireMessageWithParts, type WireModel } from "./wire.ts";

/** Model and mode that a client requests for a prompt. */
export interface PromptTarget {
  readonly model?: WireModel | undefined;
  /** Mode of the agent; OpenCode calls it agent. */
  readonly agent?: string | undefined;
}

const maxTitleLength = 60;

/** Adapter from OpenCode's session operations to those of this server. */
export class SessionRegistry {
  readonly sessions: Sessions;
  readonly hub: Hub;
  readonly #catalog: Catalog;

  constructor(sessions: Sessions, hub: Hub, catalog: Catalog) {
    this.sessions = sessions;
    this.hub = hub;
    this.#catalog = catalog;
  }

  /** Finds a session by its OpenCode id. Throws `not_found`. */
  get(wireId: string): Session {
    for (const id of candidateSessionIds(wireId)) {
      const session = this.sessions.find(id);
      if (session) return session;
    }
    throw notFound("session", wireId);
  }

  /** Creates a session whose agent starts with the first prompt. */
  async draft(seed: Omit<DraftSeed, "agent" | "mcpServers">, target: PromptTarget): Promise<Session> {
    const agent = target.model?.providerID ?? (await this.#catalog.defaultAgent());
    if (!this.#catalog.has(agent)) throw invalid(`there is no agent "${agent}"`);
    const model = unlessPlaceholder(target.model?.modelID, defaultModel);
    const mode = unlessPlaceholder(target.agent, defaultMode);
    return this.sessions.draft({
      ...seed,
      agent,
      mcpServers: [],
      ...(model === undefined ? {} : { model }),
      ...(mode === undefined ? {} : { mode }),
    });
  }

  /** Applies the requested agent, model and mode, then queues the prompt. */
  async prompt(
    session: Session,
    target: PromptTarget,
    content: ContentBlocks,
    messageId?: string,
  ): Promise<PromptView> {
    await this.#applyTarget(session, target);
    const accepted = session.prompts.accept(messageId, content);
    if (session.record.title === undefined) {
      const title = deriveTitle(content);
      if (title !== undefined) session.update({ title });
    }
    await this.flush();
    return accepted;
  }

  /** Resolves when all changes are on disk. Called before every response. */
  async flush(): Promise<void> {
    await this.sessions.store.synced();
  }

  /** Waits until a prompt has settled and that is on disk. */
  async waitForPrompt(session: Session, promptId: string): Promise<PromptView> {
    const settled = await session.prompts.waitUntilSettled(promptId);
    await this.flush();
    return settled;
  }

  /** Waits until a prompt has settled and returns the agent's message. */
  async waitForReply(session: Session, promptId: string): Promise<WireMessageWithParts> {
    const settled = await this.waitForPrompt(session, promptId);
    const turn =
      this.hub.latestTurn(session).findTurn(promptId) ?? this.hub.transcript(session).findTurn(promptId);
    return turn?.messages[1] ?? unstartedReply(session.record, settled);
  }

  /** Lists the pending permission requests or questions of all agents. */
  pendingRequests(kind: "permission" | "question"): PermissionView[] {
    return this.sessions
      .permissions("pending")
      .filter((view) => isQuestion(view.options) === (kind === "question"));
  }

  /** Finds a permission request or question by id, in any state, with its session. */
  findRequest(
    kind: "permission" | "question",
    id: string,
  ): { readonly session: Session; readonly view: PermissionView } {
    const permissionId = stripPrefix(kind === "permission" ? permissionPrefix : questionPrefix, id) ?? id;
    const view = this.sessions.permissions(undefined).find((each) => each.id === permissionId);
    const session = view && this.sessions.find(view.sessionId);
    if (!view || !session || isQuestion(view.options) !== (kind === "question")) throw notFound(kind, id);
    return { session, view };
  }

  async #applyTarget(session: Session, { model, agent }: PromptTarget): Promise<void> {
    if (model && model.providerID !== session.record.agent) {
      if (!this.#catalog.has(model.providerID)) throw invalid(`there is no agent "${model.providerID}"`);
      await session.assign(model.providerID);
    }
    const { record } = session;
    const wantedModel = unlessPlaceholder(model?.modelID, defaultModel);
    const wantedMode = agent === undefined ? undefined : resolveMode(record, agent);
    const settings = {
      ...(wantedModel === undefined || wantedModel === record.model ? {} : { model: wantedModel }),
      ...(wantedMode === undefined || wantedMode === record.mode ? {} : { mode: wantedMode }),
    };
    if (Object.keys(settings).length === 0) return;
    // The agent has not started: store the settings. The log reports later which of them it does not support.
    if (record.agentSessionId === undefined) session.update(settings);
    else await session.configure(settings, undefined);
  }
}

function unlessPlaceholder(value: string | undefined, placeholder: string): string | undefined {
  return value === placeholder ? undefined : value;
}

/** Resolves OpenCode's default agent to the agent's initial mode. */
function resolveMode(record: SessionRecord, agent: string): string | undefined {
  if (agent !== defaultMode) return agent;
  if (record.mode === undefined) return undefined;
  const offered = offeredModes(record);
  return offered.includes(defaultMode) ? defaultMode : offered[0];
}

function offeredModes({ modes, configOptions }: SessionRecord): string[] {
  const legacyModes: unknown = isRecord(modes) ? modes.availableModes : undefined;
  if (Array.isArray(legacyModes)) return stringFields(legacyModes, "id");
  const options: readonly unknown[] = Array.isArray(configOptions) ? configOptions : [];
  const option = options.filter(isRecord).find((each) => each.category === "mode");
  return Array.isArray(option?.options) ? stringFields(option.options, "value") : [];
}

function stringFields(items: readonly unknown[], name: string): string[] {
  return items.filter(isRecord).flatMap((item) => (typeof item[name] === "string" ? [item[name]] : []));
}

function deriveTitle(content: ContentBlocks): string | undefined {
  const text = content.find((block) => typeof block.text === "string")?.text;
  const line = typeof text === "string" ? text.trim().split("\n", 1)[0]?.trim() : undefined;
  if (line === undefined || line === "") return undefined;
  return line.length > maxTitleLength ? `${line.slice(0, maxTitleLength - 1)}…` : line;
}

/** Creates the assistant message for a prompt whose turn never started. */
function unstartedReply(record: SessionRecord, prompt: PromptView): WireMessageWithParts {
  const { cwd, mode, model } = turnContext(record);
  const at = prompt.settledAt ?? prompt.createdAt;
  const info: WireAssistantMessage = {
    id: `msg_${prompt.id.replaceAll("-", "")}`,
    sessionID: wireSessionId(record.id),
    role: "assistant",
    time: { created: prompt.createdAt, completed: at },
    error:
      prompt.status === "cancelled"
        ? { name: "MessageAbortedError", data: { message: "The prompt was cancelled" } }
        : { name: "UnknownError", data: { message: prompt.error?.message ?? "The agent did not respond" } },
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

/** Converts a text of this server to content blocks. */
export function textPrompt(text: string): ContentBlocks {
  const content = parseContent(text);
  if (!content) throw problem("invalid_request", 400, "the prompt is empty");
  return content;
}
