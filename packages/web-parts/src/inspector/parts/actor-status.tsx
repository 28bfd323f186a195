import type { LiveStatus } from "../api/live.ts";
import type { ActorStatus } from "../api/types.ts";

const statusLabels: Readonly<Record<ActorStatus, string>> = { running: "Awake", sleeping: "Asleep" };

/** Shape, colour and word convey the same. */
export function ActorStatusPill({ status }: { readonly status: ActorStatus }) {
  return (
    <span className={`status status-actor-${status}`} data-status={status}>
      <span className="status-dot" aria-hidden="true" />
      {statusLabels[status]}
    </span>
  );
}

const liveLabels: Readonly<Record<LiveStatus, string>> = {
  connecting: "Connecting…",
  running: "Awake",
  sleeping: "Asleep",
  offline: "Connection lost. Reconnecting…",
  ended: "Disconnected",
};

/** The state of an open actor's live feed. */
export function LivePill({ status }: { readonly status: LiveStatus }) {
  return (
    <span className={`status status-actor-${status}`} data-live={status} role="status">
      <span className="status-dot" aria-hidden="true" />
      {liveLabels[status]}
    </span>
  );
}
