import { type ReactNode, useCallback, useMemo, useRef, useState } from "react";
import {
  AgentConversation,
  AgentTranscript,
  ChatComposer,
  FileChanges,
  Markdown,
  PermissionList,
  type TranscriptEntry,
} from "../src/index.ts";
import { BrokenTerminal } from "./broken-terminal.tsx";
import { GrowingEvents, LoadedSession, TranscriptNews } from "./events.tsx";
import { assistant, bounds, entriesOfLater, everyEntry, manyEntries, question, user } from "./fixtures.ts";
import { LiveSession, LiveTerminal } from "./live.tsx";

/** Each component in each of its states; the address says which one is shown. */
export const stories: Readonly<Record<string, () => ReactNode>> = {
  transcript: () => <Transcript />,
  "transcript-empty": () => <AgentTranscript entries={[]} label="Nothing yet" />,
  "transcript-thinking": () => <AgentTranscript entries={[user("u", "Hello")]} isThinking agentId="demo" />,
  "transcript-failed": () => (
    <AgentTranscript entries={[]} sessionError="The session ended" eventError="An event is missing" />
  ),
  "transcript-unknown": () => <AgentTranscript entries={entriesOfLater} />,
  "transcript-custom": () => <CustomTranscript />,
  "transcript-long": () => <LongTranscript />,
  "transcript-streaming": () => <StreamingTranscript />,
  composer: () => <Composer />,
  "composer-disabled": () => <ChatComposer message="" onMessageChange={never} onSubmit={never} disabled />,
  conversation: () => <Conversation />,
  "conversation-empty": () => <AgentConversation entries={[]} emptyState="Nothing was said yet" />,
  permissions: () => <Permissions />,
  markdown: () => <Markdown text={everyEntry.find(({ id }) => id === "a1")?.text ?? ""} />,
  "markdown-deep": () => (
    <>
      {[">".repeat(20_000), "- ".repeat(2_000), "> ".repeat(49).concat("*deep*")].map((text) => (
        <Markdown key={text} text={text} />
      ))}
    </>
  ),
  "file-changes": () => (
    <FileChanges
      changes={[
        { path: "new.txt", oldText: null, newText: "one\ntwo\n" },
        { path: "old.txt", oldText: "one\ntwo\nthree\n", newText: "one\n2\nthree\n" },
      ]}
    />
  ),
  events: () => <GrowingEvents />,
  "session-loaded": () => <LoadedSession />,
  "transcript-news": () => <TranscriptNews />,
  "transcript-bounds": () => <AgentTranscript entries={bounds} />,
  "terminal-broken": () => <BrokenTerminal />,
  "live-session": () => <LiveSession />,
  "live-terminal": () => <LiveTerminal />,
};

function never(): void {}

function Transcript() {
  const [told, setTold] = useState("");
  return (
    <>
      <AgentTranscript
        entries={everyEntry}
        onEventClick={(eventId) => setTold(`event ${eventId}`)}
        onPermissionReply={(id, reply, option) => setTold(`${id} ${reply} ${option.optionId}`)}
      />
      <output id="told">{told}</output>
    </>
  );
}

function CustomTranscript() {
  return (
    <AgentTranscript
      entries={everyEntry}
      className="mine"
      classNames={{ message: "my-message", permissionButton: "my-button" }}
      isThinking
      isDividerEntry={(entry) => entry.id === "n2"}
      canOpenEvent={() => false}
      getToolGroupSummary={(entries) => `${entries.length} things`}
      renderMessageText={(entry) => <em>{entry.text}</em>}
      renderInlinePendingIndicator={() => "pending"}
      renderThinkingState={({ agentId }) => <p id="thinking">thinking as {agentId ?? "nobody"}</p>}
      renderToolItemIcon={(entry) => entry.kind.toUpperCase()}
      renderToolGroupIcon={(_, expanded) => (expanded ? "-" : "+")}
      renderChevron={(expanded) => (expanded ? "v" : ">")}
      renderEventLinkContent={() => "Event"}
      renderPermissionIcon={() => "?"}
      renderPermissionOptionContent={({ label, reply }) => `${label} [${reply}]`}
      onPermissionReply={never}
    />
  );
}

function LongTranscript() {
  const scroll = useRef<HTMLDivElement>(null);
  const [entries, setEntries] = useState(() => manyEntries(10_000));
  const [atBottom, setAtBottom] = useState<boolean>();
  const [target, setTarget] = useState<string | null>(null);
  const add = useCallback(() => {
    setEntries((known) => [...known, assistant(`entry-${known.length}`, `Added ${known.length}`)]);
  }, []);
  return (
    <>
      <button type="button" id="add" onClick={add}>
        Add
      </button>
      <button type="button" id="to-middle" onClick={() => setTarget("entry-5000")}>
        To the middle
      </button>
      <output id="at-bottom">{String(atBottom)}</output>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard. */}
      <section ref={scroll} className="scroller" tabIndex={0} aria-label="Session">
        <AgentTranscript
          entries={entries}
          scrollRef={scroll}
          virtualize
          scrollToEntryId={target}
          onAtBottomChange={setAtBottom}
        />
      </section>
    </>
  );
}

/** An answer that grows with each click, at the end of a long virtual transcript. */
function StreamingTranscript() {
  const before = useMemo(() => manyEntries(200), []);
  const [text, setText] = useState("Once");
  const entries = useMemo(() => [...before, assistant("streaming", text)], [before, text]);
  return (
    <div className="frame">
      <button type="button" id="grow" onClick={() => setText((known) => `${known}\n\nupon a time`)}>
        Grow
      </button>
      <AgentConversation entries={entries} transcriptProps={{ virtualize: true, isThinking: true }} />
    </div>
  );
}

function Composer() {
  const [message, setMessage] = useState("");
  const [sent, setSent] = useState<readonly string[]>([]);
  const [enter, setEnter] = useState(true);
  return (
    <>
      <label>
        <input type="checkbox" checked={enter} onChange={(event) => setEnter(event.target.checked)} /> Enter
        sends
      </label>
      <ChatComposer
        message={message}
        onMessageChange={setMessage}
        onSubmit={() => {
          setSent((known) => [...known, message]);
          setMessage("");
        }}
        submitOnEnter={enter}
        placeholder="Ask the agent"
        classNames={{ input: "my-input" }}
        renderFooter={() => <small>Footer</small>}
      />
      <output id="sent">{JSON.stringify(sent)}</output>
    </>
  );
}

function Conversation() {
  const [entries, setEntries] = useState<readonly TranscriptEntry[]>([user("u", "Hi"), assistant("a", "Ho")]);
  const [message, setMessage] = useState("");
  return (
    <div className="frame">
      <AgentConversation
        entries={entries}
        transcriptClassName="my-transcript"
        composerClassName="my-composer"
        composerProps={{
          message,
          onMessageChange: setMessage,
          onSubmit: () => {
            setEntries((known) => [...known, user(`u${known.length}`, message)]);
            setMessage("");
          },
        }}
      />
    </div>
  );
}

function Permissions() {
  const [entries, setEntries] = useState<readonly TranscriptEntry[]>([
    question("first", "Delete everything"),
    question("second", "Push to main"),
    question("third", "Say hello"),
  ]);
  return (
    <PermissionList
      entries={entries}
      onPermissionReply={async (permissionId, _reply, option) => {
        await Promise.resolve();
        if (option.kind === "allow_always") throw new Error("Always is not offered today");
        setEntries((known) => known.filter((entry) => entry.permission?.permissionId !== permissionId));
      }}
    />
  );
}
