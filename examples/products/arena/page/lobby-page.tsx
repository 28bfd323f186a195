/** Where a game begins: a room for everybody, a room for friends, and the best rounds so far. */
import { createHoldfastWithClient, useActorState } from "holdfast/react";
import { useState } from "react";
import type { User } from "../sessions.ts";
import { ask, client, messageOf } from "./api.ts";

const { useActor } = createHoldfastWithClient(client);

export function LobbyPage(props: { user: User; play: (room: string) => void; signOut: () => void }) {
  const actor = useActor({ name: "lobby", key: ["main"] });
  const { state } = useActorState(actor, {
    load: (lobby) => lobby.overview(),
    on: { changed: (_before, now) => now },
  });
  const [failure, setFailure] = useState("");
  const play = (isPrivate: boolean) =>
    void ask("POST /api/play", { isPrivate }).then(
      ({ room }) => props.play(room),
      (error: unknown) => setFailure(messageOf(error)),
    );
  return (
    <main className="lobby">
      <header>
        <h1>Arena</h1>
        <p>
          {props.user.name}{" "}
          <button type="button" onClick={props.signOut}>
            Sign out
          </button>
        </p>
      </header>
      {actor.connStatus === "disconnected" && (
        <p className="notice" role="alert">
          The connection is lost. It is opened again by itself.
        </p>
      )}
      <section className="card">
        <p>
          Collect gems for a point each, knock others out for three. A round takes three minutes; bots play
          with you until people come.
        </p>
        <div className="buttons">
          <button type="button" className="primary" onClick={() => play(false)}>
            Play
          </button>
          <button type="button" onClick={() => play(true)}>
            Private room
          </button>
        </div>
        {failure !== "" && <p role="alert">{failure}</p>}
        <p role="status" className="soft">
          {state === undefined ? "Loading the lobby" : nowPlaying(state.players, state.rooms)}
        </p>
      </section>
      <section className="card">
        <h2>Best rounds</h2>
        {state?.best.length === 0 && <p className="soft">Nobody has finished a round yet.</p>}
        <ol>
          {state?.best.map(({ name, points, endedAt }) => (
            <li key={`${name} ${endedAt}`}>
              <span>{name}</span> <strong>{points}</strong>{" "}
              <time dateTime={new Date(endedAt).toISOString()}>{new Date(endedAt).toLocaleDateString()}</time>
            </li>
          ))}
        </ol>
      </section>
    </main>
  );
}

function nowPlaying(players: number, rooms: number): string {
  if (players === 0) return "Nobody plays now. Bots are waiting for you.";
  const people = players === 1 ? "1 person plays" : `${players} people play`;
  return `${people} now, in ${rooms === 1 ? "1 room" : `${rooms} rooms`}.`;
}
