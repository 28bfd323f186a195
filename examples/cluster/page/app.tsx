/** The page: nodes with their faults, and what clients see of them. */
import { createClient } from "holdfast/client";
import { createRoot } from "react-dom/client";
import type { DemoRegistry } from "../actors.ts";
import { Agent } from "./agent.tsx";
import { Chat } from "./chat.tsx";
import { ChatSession } from "./chat-session.ts";
import { followControl, useControl } from "./control.ts";
import { Counter } from "./counter.tsx";
import { CounterLoad } from "./counter-load.ts";
import { Nodes } from "./nodes.tsx";
import { useTimeline } from "./timeline.ts";

const client = createClient<DemoRegistry>(location.origin);
const load = new CounterLoad();
const session = new ChatSession(client);
followControl();
void load.run(client);
void session.talk();

function Page() {
  const control = useControl();
  return (
    <main>
      <div className="intro">
        <h1>Three nodes, one database</h1>
        <p className="muted">
          Kill, freeze, cut off or drain any node. What it served goes on at another
          {control && ` within ${control.ttlMs / 1_000} seconds, at once when it is asked to hand over`}.
        </p>
        {control && (
          <p className="muted">
            PostgreSQL keeps everything; nodes wake each other over{" "}
            {control.hasNats ? "NATS" : "their links, because nats-server is not installed"}.
          </p>
        )}
      </div>
      <Nodes />
      <div className="clients">
        <Counter load={load} />
        <Chat session={session} />
        <Agent agent={control?.agent} />
      </div>
      <Timeline />
    </main>
  );
}

function Timeline() {
  const entries = useTimeline();
  return (
    <section className="card timeline" aria-label="What happened">
      <header>
        <h2>What happened</h2>
      </header>
      {entries.length === 0 && <p className="muted">Nothing yet. Kill a node.</p>}
      <ol>
        {entries.map(({ id, at, text, kind }) => (
          <li key={id} className={kind}>
            <time dateTime={at.toISOString()}>{at.toLocaleTimeString("en-GB")}</time> {text}
          </li>
        ))}
      </ol>
    </section>
  );
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<Page />);
