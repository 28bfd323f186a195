import type { SessionRecord } from "../../sessions/types.ts";
import { wireSessionId } from "../ids.ts";
import { projectIdOf } from "../project.ts";
import { noTokens, opencodeVersion, type WireSession } from "../wire.ts";
import type { TurnContext } from "./turn.ts";

/** OpenCode's word for "as the agent has it": its default agent, which is a mode here. */
export const defaultMode = "build";
/** The model that an agent has chosen by itself. */
export const defaultModel = "default";

/** What all messages of a session say. */
export function contextOf(record: SessionRecord): TurnContext {
  return {
    sessionId: record.id,
    cwd: record.cwd,
    mode: record.mode ?? defaultMode,
    model: { providerID: record.agent, modelID: record.model ?? defaultModel },
  };
}

/** A session as OpenCode's clients see it: the agent is the provider of its models. */
export function wireSession(record: SessionRecord): WireSession {
  const { id, cwd, createdAt, updatedAt, parentId, title, archivedAt, permissionRules } = record;
  return {
    id: wireSessionId(id),
    slug: slugOf(id),
    projectID: projectIdOf(cwd),
    directory: cwd,
    path: cwd.replace(/^\/+/, ""),
    ...(parentId === undefined ? {} : { parentID: wireSessionId(parentId) }),
    title: title ?? `New session - ${new Date(createdAt).toISOString()}`,
    version: opencodeVersion,
    agent: record.mode ?? defaultMode,
    model: { id: record.model ?? defaultModel, providerID: record.agent },
    cost: 0,
    tokens: noTokens,
    time: {
      created: createdAt,
      updated: updatedAt,
      ...(archivedAt === undefined ? {} : { archived: archivedAt }),
    },
    ...(permissionRules ? { permission: permissionRules } : {}),
  };
}

function slugOf(id: string): string {
  return id.replaceAll(/[^a-zA-Z0-9]+/g, "-").toLowerCase();
}
