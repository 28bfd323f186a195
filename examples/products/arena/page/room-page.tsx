/** A room: the field, the list of points, messages, and the same in words. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { ticksPerSecond } from "../game/rules.ts";
import { Controls } from "./controls.ts";
import { colourOf, draw } from "./draw.ts";
import { Game, type GameState } from "./game.ts";
import { describeScene, points } from "./words.ts";

export function RoomPage({ room, leave }: { room: string; leave: () => void }) {
  const [game, setGame] = useState<Game>();
  useEffect(() => {
    const joined = new Game(room);
    setGame(joined);
    return () => void joined.dispose();
  }, [room]);
  return game === undefined ? null : <Room game={game} leave={leave} />;
}

function Room({ game, leave }: { game: Game; leave: () => void }) {
  const state = useSyncExternalStore(game.subscribe, () => game.state);
  const [said, setSaid] = useState("");
  const [controls, setControls] = useState<Controls>();
  const standings = state.board?.standings ?? [];
  const describe = () => setSaid(describeScene(game.scene(performance.now()), state.slot, standings));
  if (state.status === "closed") {
    return (
      <main className="centre">
        <div className="card">
          <h1>You cannot play in this room</h1>
          <p role="alert">{state.error}</p>
          <button type="button" className="primary" onClick={leave}>
            To the lobby
          </button>
        </div>
      </main>
    );
  }
  return (
    <main className="room">
      <header>
        <button type="button" onClick={leave}>
          ← Lobby
        </button>
        <h1>
          Round {state.board?.round ?? ""} <Clock endsAt={state.endsAt} />
        </h1>
        <Invite />
      </header>
      <Notice state={state} game={game} />
      <div className="stage">
        <Field game={game} state={state} setControls={setControls} describe={describe} />
        {state.ended !== undefined && (
          <p key={state.ended.id} className="ended" aria-hidden="true">
            {state.ended.text}
          </p>
        )}
        <button
          type="button"
          className="fire"
          onPointerDown={() => controls?.fireByTouch(true)}
          onPointerUp={() => controls?.fireByTouch(false)}
          onPointerLeave={() => controls?.fireByTouch(false)}
        >
          Fire
        </button>
      </div>
      <Board state={state} />
      <section className="words" aria-label="The game in words">
        <p className="soft" id="keys">
          Arrow keys or WASD move, the mouse aims, Space or a click fires. E says what is around you. On a
          phone, drag on the field to move.
        </p>
        <ul aria-label="What happened">
          {state.messages.map(({ id, text, isMine }) => (
            <li key={id} data-mine={isMine}>
              {text}
            </li>
          ))}
        </ul>
        <p className="hidden" aria-live="polite">
          {state.messages.findLast(({ isMine }) => isMine)?.text}
        </p>
        <button type="button" onClick={describe}>
          Say what is around me
        </button>
        <p role="status">{said}</p>
      </section>
    </main>
  );
}

interface FieldProps {
  readonly game: Game;
  readonly state: GameState;
  readonly setControls: (controls: Controls) => void;
  readonly describe: () => void;
}

function Field({ game, state, setControls, describe }: FieldProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const standings = state.board?.standings;
  const names = useMemo(() => new Map(standings?.map(({ slot, name }) => [slot, name])), [standings]);
  const latest = useRef(names);
  latest.current = names;
  useEffect(() => {
    if (canvas.current === null) return;
    const element = canvas.current;
    const controls = new Controls(element);
    setControls(controls);
    element.focus();
    let request = requestAnimationFrame(function paint() {
      const now = performance.now();
      game.advance(controls, now);
      draw(element, game.scene(now), game.state.slot, latest.current);
      request = requestAnimationFrame(paint);
    });
    return () => {
      cancelAnimationFrame(request);
      controls.dispose();
    };
  }, [game, setControls]);
  return (
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: the game takes the keys, which screen readers pass to an application.
    <canvas
      ref={canvas}
      width={1_600}
      height={900}
      tabIndex={0}
      role="application"
      aria-label="The field"
      aria-describedby="keys"
      onKeyDown={(event) => {
        if (event.code === "KeyE") describe();
      }}
    />
  );
}

function Board({ state: { board, slot } }: { state: GameState }) {
  return (
    <table className="board">
      <caption>Points</caption>
      <thead>
        <tr>
          <th scope="col">Player</th>
          <th scope="col">Points</th>
        </tr>
      </thead>
      <tbody>
        {board?.standings.map((each) => (
          <tr key={each.slot} aria-current={each.slot === slot}>
            <th scope="row">
              <span className="dot" style={{ backgroundColor: colourOf(each.slot) }} />
              {each.name}
              <small>
                {each.slot === slot ? " you" : ""}
                {each.isBot ? " bot" : ""}
                {each.isAway ? " away" : ""}
              </small>
            </th>
            <td>{each.points}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Notice({ state, game }: { state: GameState; game: Game }) {
  const { status, respawn, isAway } = state;
  if (status === "elsewhere") {
    return (
      <p className="notice" role="alert">
        You play in another tab.
        <button type="button" onClick={() => void game.join()}>
          Play here
        </button>
      </p>
    );
  }
  if (status === "offline") {
    return (
      <p className="notice" role="alert">
        The connection is lost. Your place and your points are kept for a minute.
      </p>
    );
  }
  if (status === "joining") return <p className="notice">Joining the room</p>;
  if (isAway) return <p className="notice">You were away. Press a key to go on.</p>;
  if (respawn > 0)
    return <p className="notice">Knocked out. Back in {Math.ceil(respawn / ticksPerSecond)} s.</p>;
  const mine = state.board?.standings.find(({ slot }) => slot === state.slot);
  return (
    <p className="notice">
      Health {state.health} of 3, {points(mine?.points ?? 0)}
    </p>
  );
}

function Clock({ endsAt }: { endsAt: number }) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.round((endsAt - now) / 1_000));
  return (
    <time>
      {Math.floor(seconds / 60)}:{String(seconds % 60).padStart(2, "0")}
    </time>
  );
}

function Invite() {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      onClick={() => void navigator.clipboard.writeText(location.href).then(() => setCopied(true))}
    >
      {copied ? "Link copied" : "Copy a link to this room"}
    </button>
  );
}
