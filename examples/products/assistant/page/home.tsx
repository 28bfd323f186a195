/** The frame of the page for somebody who has signed in: sidebar, conversation, memory, and what they must know. */
import { useActorState } from "holdfast/react";
import { useEffect, useState } from "react";
import type { Session } from "../sign-in/sessions.ts";
import { session, useActor, wordsOf } from "./client.ts";
import { Conversation } from "./conversation.tsx";
import { Icon } from "./icons.tsx";
import { MemoryDialog } from "./memory.tsx";
import { Sidebar } from "./sidebar.tsx";

interface HomeProps {
  readonly user: Session;
  readonly model: string;
  readonly onSignedOut: () => void;
}

/** The id of the open conversation is the fragment of the address. */
function useOpenId(): string {
  const [id, setId] = useState(location.hash.slice(1));
  useEffect(() => {
    const change = () => setId(location.hash.slice(1));
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return id;
}

/** False while the connection is lost for longer than a short reconnection takes. */
function useIsOnline(isConnected: boolean): boolean {
  const [isOnline, setIsOnline] = useState(true);
  useEffect(() => {
    if (isConnected) {
      setIsOnline(true);
      return;
    }
    const timer = setTimeout(() => setIsOnline(false), 600);
    return () => clearTimeout(timer);
  }, [isConnected]);
  return isOnline;
}

export function Home({ user, model, onSignedOut }: HomeProps) {
  const person = useActor({ name: "person", key: [user.userId] });
  const { state, mutate } = useActorState(person, {
    load: (self) => self.overview(),
    on: { changed: (_before, now) => now },
  });
  const openId = useOpenId();
  const isOnline = useIsOnline(person.isConnected);
  const [error, setError] = useState<string>();
  const [showsMemory, setShowsMemory] = useState(false);
  const [showsSidebar, setShowsSidebar] = useState(false);
  const change = (call: Parameters<typeof mutate>[0]) => {
    setError(undefined);
    void mutate(call).catch((reason: unknown) => setError(wordsOf(reason)));
  };
  const start = async () => {
    setShowsSidebar(false);
    setError(undefined);
    try {
      location.hash = await mutate((self) => self.startConversation());
    } catch (reason) {
      setError(wordsOf(reason));
    }
  };
  const isRefused = person.error !== null && person.error.group === "user";
  useEffect(() => {
    if (isRefused) void session.signOut().finally(onSignedOut);
  }, [isRefused, onSignedOut]);
  if (state === undefined)
    return (
      <main className="centered" aria-busy="true">
        <p role="status">{isOnline ? "Loading" : "The server cannot be reached. Trying again."}</p>
      </main>
    );
  const open = state.conversations.find(({ id }) => id === openId);
  const due = state.reminders.filter(({ isDue }) => isDue);
  return (
    <div className="frame">
      <Sidebar
        {...{ user, model, openId, state }}
        isOpen={showsSidebar}
        onClose={() => setShowsSidebar(false)}
        onStart={() => void start()}
        onMemory={() => setShowsMemory(true)}
        onSignOut={() =>
          void session.signOut().then(onSignedOut, (reason: unknown) => setError(wordsOf(reason)))
        }
        removeReminder={(id) => change((self) => self.removeReminder(id))}
      />
      <main>
        <div className="notices">
          {!isOnline && (
            <p className="notice warning" role="status">
              <Icon name="warning" /> The connection is lost. Trying again; what you write stays here.
            </p>
          )}
          {error !== undefined && (
            <p className="notice warning" role="alert">
              <Icon name="warning" /> <span>{error}</span>
              <button type="button" className="plain" aria-label="Close" onClick={() => setError(undefined)}>
                <Icon name="close" />
              </button>
            </p>
          )}
          {due.map(({ id, text }) => (
            <p key={id} className="notice" role="status">
              <Icon name="bell" /> <span>{text}</span>
              <button type="button" onClick={() => change((self) => self.removeReminder(id))}>
                Done
              </button>
            </p>
          ))}
        </div>
        {open === undefined ? (
          <Welcome name={state.name} onStart={() => void start()} onMenu={() => setShowsSidebar(true)} />
        ) : (
          <Conversation
            key={open.id}
            userId={user.userId}
            summary={open}
            messagesLeft={state.messagesLeft}
            isOnline={person.isConnected}
            onMenu={() => setShowsSidebar(true)}
            rename={(title) => change((self) => self.renameConversation(open.id, title))}
            remove={() => change((self) => self.removeConversation(open.id))}
          />
        )}
      </main>
      {showsMemory && (
        <MemoryDialog
          memories={state.memories}
          onClose={() => setShowsMemory(false)}
          add={(text) => mutate((self) => self.remember(text))}
          forget={(id) => change((self) => self.forget(id))}
          forgetAll={() => change((self) => self.forgetAll())}
        />
      )}
    </div>
  );
}

function Welcome(props: { name: string; onStart: () => void; onMenu: () => void }) {
  return (
    <>
      <header className="bar only-narrow">
        <button type="button" className="plain" aria-label="Conversations" onClick={props.onMenu}>
          <Icon name="menu" />
        </button>
      </header>
      <section className="centered welcome">
        <h1>Hello, {props.name}</h1>
        <p className="soft">
          Every conversation is kept. The assistant remembers facts about you, which you can read and delete,
          and asks before it changes anything for you.
        </p>
        <button type="button" className="primary" onClick={props.onStart}>
          Start a conversation
        </button>
      </section>
    </>
  );
}
