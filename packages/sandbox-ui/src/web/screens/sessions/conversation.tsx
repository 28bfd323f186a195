import { AgentTranscript, useTranscript } from "@holdfast/sandbox-react";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Empty } from "@holdfast/web-parts";
import { useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef } from "react";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";
import type { Session } from "../../api/types.ts";
import type { SessionLogView } from "../../api/use-session-log.ts";

/** The transcript of a session. Permission requests of the agent are answered in place. */
export function Conversation({
  session,
  log,
  onEvent,
}: {
  readonly session: Session;
  readonly log: SessionLogView;
  /** Opens the log at the event behind a tool call. */
  readonly onEvent: (sequence: number) => void;
}) {
  const api = useApi();
  const queries = useQueryClient();
  const scroller = useRef<HTMLDivElement>(null);
  const { entries, plan, running } = useTranscript(log.events);
  useFollowEnd(scroller, entries);
  if (entries.length === 0 && log.link !== "connecting") {
    return (
      <Empty title="No messages yet.">
        {session.agent === "demo" && "Try the demo agent with: add the line “hello” to README.md"}
      </Empty>
    );
  }
  return (
    <div className="conversation" ref={scroller}>
      {log.from > 1 && (
        <button type="button" className="link-button" onClick={() => void log.loadOlder()}>
          Show older
        </button>
      )}
      <AgentTranscript
        entries={entries}
        agentId={session.agent}
        isThinking={running && session.status === "running"}
        onEventClick={(id) => onEvent(Number(id))}
        onPermissionReply={async (id, _reply, { optionId }) => {
          await api.answer({ id, sessionId: session.id }, { optionId });
          await queries.invalidateQueries({ queryKey: keys.permissions });
        }}
      />
      {running && plan.length > 0 && (
        <section className="plan" aria-label="Plan">
          <ol>
            {plan.map(({ content, status }, index) => (
              <li key={index} data-status={status}>
                {visibleText(content)}
                <span className="visually-hidden">, {status.replaceAll("_", " ")}</span>
              </li>
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}

/** Scrolls to the end as entries arrive, unless the reader has scrolled up. */
function useFollowEnd(inner: RefObject<HTMLElement | null>, entries: readonly unknown[]): void {
  const isAtEnd = useRef(true);
  useEffect(() => {
    const scroller = inner.current?.closest<HTMLElement>(".tab-panel");
    if (!scroller) return;
    const onScroll = () => {
      isAtEnd.current = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    };
    scroller.addEventListener("scroll", onScroll);
    return () => scroller.removeEventListener("scroll", onScroll);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of the entries may move the end.
  useEffect(() => {
    const scroller = inner.current?.closest<HTMLElement>(".tab-panel");
    if (scroller && isAtEnd.current) scroller.scrollTop = scroller.scrollHeight;
  }, [inner, entries]);
}
