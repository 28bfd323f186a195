import type { Permission } from "../../api/types.ts";
import type { SessionLogView } from "../../api/use-session-log.ts";
import { Empty } from "../../parts/notice.tsx";

export function Conversation({
  log,
}: {
  readonly log: SessionLogView;
  readonly permissions: readonly Permission[];
}) {
  return <Empty title={`${log.events.length} events`} />;
}
