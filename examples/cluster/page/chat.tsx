import { useSyncExternalStore } from "react";
import type { ChatSession } from "./chat-session.ts";
import { Figure } from "./counter.tsx";

/** What a client in the chat room sees. */
export function Chat({ session }: { readonly session: ChatSession }) {
  const view = useSyncExternalStore(session.subscribe, () => session.view);
  const say = async (form: FormData) => {
    const text = String(form.get("text")).trim();
    if (text !== "") await session.say("You", text);
  };
  const isGapless = view.missing === 0 && view.repeated === 0;
  return (
    <section className="card" aria-label="Chat">
      <header>
        <h2>A chat room</h2>
        <span className="muted">{view.status === "connected" ? `at ${view.node}` : view.status}</span>
      </header>
      <p className="figures">
        <Figure label="Lines heard" value={String(view.received)} id="received" />
        <Figure label="Missing" value={String(view.missing)} id="missing" />
        <Figure label="Repeated" value={String(view.repeated)} id="repeated" />
        <Figure label="Caught up" value={String(view.caughtUp)} id="caught-up" />
      </p>
      <ol className="lines" aria-label="Lines">
        {view.lines.map(({ number, from, text }) => (
          <li key={number}>
            <span className="muted">{number}</span> <b>{from}</b> {text}
          </li>
        ))}
      </ol>
      <form action={say}>
        <input name="text" aria-label="Say something" placeholder="Say something" autoComplete="off" />
        <button type="submit" className="button">
          Say
        </button>
      </form>
      <p className={isGapless ? "verdict ok" : "verdict danger"} role="status">
        {isGapless ? "Each line once, in order." : "Lines are missing or repeated."}
      </p>
    </section>
  );
}
