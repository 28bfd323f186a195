import type { Logger } from "@holdfast/core";
import type { EventEnvelope, Gate } from "@holdfast/gate";
import type { GroupEvent } from "../backend/group-state.ts";
import type { ResolvableSession } from "../backend/host.ts";

/** Asks the event's plugin which session to continue. If the plugin fails, the event starts a new session. */
export async function resolveSession(
  { gate, ports }: { readonly gate: Gate; readonly ports: { readonly log: Logger } },
  event: GroupEvent,
  sessions: readonly ResolvableSession[],
): Promise<string | undefined> {
  const { envelope, source } = event;
  if (!isEnvelope(envelope) || !source.startsWith("plugin:")) return undefined;
  const plugin = source.slice("plugin:".length);
  const newestFirst = [...sessions].reverse();
  try {
    const named = await gate.plugins.resolveSession(plugin, envelope, {
      latest: async () => newestFirst.find((each) => each.resumable)?.sessionId ?? null,
      find: async ({ resumable, limit = newestFirst.length }) =>
        newestFirst
          .filter((each) => resumable === undefined || each.resumable === resumable)
          .slice(0, limit)
          .map(({ sessionId, startedAt, usedAt, resumable: open }) => ({
            sessionId,
            group: envelope.group,
            startedAt: new Date(startedAt).toISOString(),
            endedAt: new Date(usedAt).toISOString(),
            resumable: open,
          })),
    });
    return named ?? undefined;
  } catch (error) {
    ports.log.warn("a plugin could not select the session for an event", { plugin, error: String(error) });
    return undefined;
  }
}

function isEnvelope(value: unknown): value is EventEnvelope {
  return typeof value === "object" && value !== null && "topic" in value && "payload" in value;
}
