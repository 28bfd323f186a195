/** The page for customers, alone or in the widget: they write, and read the answers as they come. */
import { useActorState } from "holdfast/react";
import { useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { limits } from "../limits.ts";
import { ago, ask, newId, useActor, useIsOnline, wordsOf } from "../page/client.ts";

/** What this browser keeps of its conversation. */
interface Place {
  readonly ticketId: string;
  readonly token: string;
}

const storedAs = "support-conversation";

function storedPlace(): Place | undefined {
  try {
    const value = JSON.parse(localStorage.getItem(storedAs) ?? "null") as Partial<Place> | null;
    if (typeof value?.ticketId === "string" && typeof value.token === "string")
      return { ticketId: value.ticketId, token: value.token };
  } catch {
    // A browser that keeps nothing begins anew.
  }
  return undefined;
}

function store(place: Place | undefined): void {
  try {
    if (place === undefined) localStorage.removeItem(storedAs);
    else localStorage.setItem(storedAs, JSON.stringify(place));
  } catch {
    // It is kept until the page is closed.
  }
}

function Contact() {
  const [place, setPlace] = useState(storedPlace);
  const change = (next: Place | undefined) => {
    store(next);
    setPlace(next);
  };
  return place === undefined ? (
    <Begin onBegun={change} />
  ) : (
    <Conversation key={place.ticketId} place={place} onLeave={() => change(undefined)} />
  );
}

function Begin({ onBegun }: { onBegun: (place: Place) => void }) {
  const [error, setError] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  // A message that is sent again, because its answer was lost, is the same one.
  const [id] = useState(newId);
  const submit = async (form: FormData) => {
    setIsBusy(true);
    setError(undefined);
    try {
      onBegun(await ask<Place>("POST", "/contact", { id, ...Object.fromEntries(form) }));
    } catch (reason) {
      setError(wordsOf(reason));
      setIsBusy(false);
    }
  };
  return (
    <main>
      <h1>How can we help?</h1>
      <p className="soft">
        Write to us. The answer appears here, and this browser remembers the conversation.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(new FormData(event.currentTarget));
        }}
      >
        <label>
          Your name
          <input name="name" required maxLength={limits.nameLength} autoComplete="name" />
        </label>
        <label>
          E-mail
          <input name="email" type="email" required maxLength={limits.emailLength} autoComplete="email" />
        </label>
        <label>
          Subject
          <input name="subject" required maxLength={limits.subjectLength} />
        </label>
        <label>
          Message
          <textarea name="text" rows={6} required maxLength={limits.messageLength} />
          <small>At most {limits.messageLength.toLocaleString("en")} characters</small>
        </label>
        {error !== undefined && <p role="alert">{error}</p>}
        <button type="submit" className="primary" disabled={isBusy}>
          Send
        </button>
      </form>
    </main>
  );
}

function Conversation({ place, onLeave }: { place: Place; onLeave: () => void }) {
  const { ticketId, token } = place;
  const ticket = useActor({ name: "ticket", key: [ticketId], params: { token }, noCreate: true });
  const { state } = useActorState(ticket, {
    load: (self) => self.conversation(),
    on: { conversation: (_before, now) => now },
  });
  const isOnline = useIsOnline(ticket.isConnected);
  const [text, setText] = useState("");
  const [id, setId] = useState(newId);
  const [error, setError] = useState<string>();
  const end = useRef<HTMLDivElement>(null);
  const count = state?.messages.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new message is at the end.
  useEffect(() => void end.current?.scrollIntoView(), [count]);
  const send = async () => {
    setError(undefined);
    try {
      await ticket.connection?.write(id, text);
      setText("");
      setId(newId());
    } catch (reason) {
      setError(wordsOf(reason));
    }
  };
  if (ticket.error !== null)
    return (
      <main>
        <h1>This conversation cannot be opened</h1>
        <p role="alert">{ticket.error.message}</p>
        <button type="button" className="primary" onClick={onLeave}>
          Begin another one
        </button>
      </main>
    );
  return (
    <main>
      <h1>{state?.subject ?? "Your conversation"}</h1>
      {!isOnline && (
        <p className="notice" role="status">
          The connection is lost. Trying again; what you write stays here.
        </p>
      )}
      <section className="messages" aria-label="Conversation" aria-live="polite">
        {state?.messages.map(({ id: key, kind, name, text: said, createdAt }) => (
          <article key={key} data-kind={kind}>
            <small>
              {kind === "customer" ? "You" : name} · {ago(createdAt)}
            </small>
            {said}
          </article>
        ))}
        {state !== undefined && state.messages.at(-1)?.kind === "customer" && (
          <p className="soft">We have your message, and write back here.</p>
        )}
        {state?.isOpen === false && (
          <p className="soft">This conversation is closed. Write to open it again.</p>
        )}
        <div ref={end} />
      </section>
      <form
        className="answer"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "") void send();
        }}
      >
        <textarea
          rows={2}
          aria-label="Message"
          placeholder="Write a message"
          value={text}
          maxLength={limits.messageLength}
          onChange={(event) => setText(event.target.value)}
        />
        {error !== undefined && <p role="alert">{error}</p>}
        <div className="row">
          <button type="submit" className="primary" disabled={!ticket.isConnected || text.trim() === ""}>
            Send
          </button>
          <button type="button" className="link" onClick={onLeave}>
            Begin another conversation
          </button>
        </div>
      </form>
    </main>
  );
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<Contact />);
