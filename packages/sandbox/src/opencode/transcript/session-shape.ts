import type { SessionRecord } from "../../sessions/types.ts";
import { wireSessionId } from "../ids.ts";
import { projectIdOf } from "../project.ts";
import { noTokens, opencodeVersion, type WireSession } from "../wire.ts";
import type { TurnContext } from "./turn.ts";

/** OpenCode's default agent. Here it stands for the agent's initial mode. */
export const defaultMode = "build";
/** Stands for the agent's own choice of model. */
export const defaultModel = "default";

/** Returns the fields shared by all messages of a session. */
export function turnContext(record: SessionRecord): TurnContext {
  return {
    sessionId: record.id,
    cwd: record.cwd,
    mode: record.mode ?? defaultMode,
    model: { providerID: record.agent, modelID: record.model ?? defaultModel },
  };
}

/** Converts a session to OpenCode's format. The agent is the provider of its models. */
export function wireSession(record: SessionRecord): WireSession {
  const { id, cwd, createdAt, updatedAt, parentId, title, archivedAt, permissionRules } = record;
  return {
    id: wireSessionId(id),
    slug: toSlug(id),
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

function toSlug(id: string): string {
  return id.replaceAll(/[^a-zA-Z0-9]+/g, "-").toLowerCase();
}
