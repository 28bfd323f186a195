import { createHoldfast, useActorState } from "holdfast/react";
import type { Option, registry } from "../registry.ts";

// While you develop, the actors have another port than the page.
const { useActor } = createHoldfast<typeof registry>(import.meta.env["VITE_HOLDFAST_URL"] ?? location.origin);

// Each address is a poll of its own: /?poll=lunch
const key = new URLSearchParams(location.search).get("poll") ?? "dinner";

export function App() {
  const actor = useActor({ name: "poll", key: [key] });
  const { state: options = [], mutate } = useActorState(actor, {
    load: (poll) => poll.options(),
    on: { changed: (_before, now) => now },
  });
  const suggest = (form: FormData) => mutate((poll) => poll.suggest(String(form.get("text"))));
  const vote = (text: string) =>
    mutate(
      (poll) => poll.vote(text),
      // Shown before the server has answered, and taken back if it refuses.
      (before = []) =>
        before.map((option) => (option.text === text ? { ...option, votes: option.votes + 1 } : option)),
    );
  return (
    <main>
      <h1>What shall we eat?</h1>
      <p className="status" role="status">
        {actor.connStatus === "connected" ? "Open this page twice: votes appear in both." : "Connecting…"}
      </p>
      <ul>
        {ranked(options).map((option) => (
          <li key={option.text}>
            <span>{option.text}</span>
            <button
              type="button"
              onClick={() => vote(option.text)}
              aria-label={`Vote for ${option.text}, ${option.votes} so far`}
            >
              {option.votes}
            </button>
          </li>
        ))}
      </ul>
      <form action={suggest}>
        <input name="text" aria-label="Your suggestion" placeholder="Soup" autoComplete="off" required />
        <button type="submit">Suggest</button>
      </form>
    </main>
  );
}

function ranked(options: readonly Option[]): Option[] {
  return options.toSorted((one, other) => other.votes - one.votes);
}
