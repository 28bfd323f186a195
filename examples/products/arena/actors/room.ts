/**
 * A room: the server moves its world twenty times a second, and everybody sees each tick. Positions are worth little and
 * are in memory; places, points and rounds are in the state, and are durable before anybody sees them.
 */
import { actor, event, queue, type Registry, UserError } from "holdfast";
import type { Client } from "holdfast/client";
import { checkedInput } from "../game/input-queue.ts";
import { rules, tickMs } from "../game/rules.ts";
import { type Frame, frameOf } from "../game/wire.ts";
import { limits } from "../limits.ts";
import { requireUser, type User } from "../sessions.ts";
import type { lobby } from "./lobby.ts";
import { Match, type Player, type RoomState, roundsOf } from "./match.ts";

type Lobbies = Registry<{ lobby: typeof lobby }>;

/** A room without people ends after a day, so that a link to a private one can be sent ahead. */
const emptyRoomMs = 24 * 60 * 60 * 1_000;

export interface Standing {
  readonly slot: number;
  readonly name: string;
  readonly points: number;
  readonly isBot: boolean;
  readonly isAway: boolean;
}

export interface Board {
  readonly standings: readonly Standing[];
  readonly round: number;
  /** Milliseconds until the end of the round, when this was sent. */
  readonly leftMs: number;
}

/** What a message to the players tells. */
export type News =
  | { readonly type: "gem"; readonly by: number }
  | { readonly type: "knockout"; readonly by: number; readonly of: number }
  | { readonly type: "end"; readonly winner: string; readonly points: number };

export const room = actor({
  createState: (_c, { isPrivate }: { isPrivate: boolean }) => ({
    players: [] as Player[],
    round: { number: 1, endsAt: Date.now() + rules.roundMs },
    isPrivate,
    /** Whether an action `prune` is scheduled. */
    isWatched: false,
  }),
  createVars: () => ({ match: new Match() }),
  events: { tick: event<Frame>(), board: event<Board>(), news: event<readonly News[]>() },
  queues: { start: queue<null>({ canPublish: () => false }) },
  onAuth: (_c, { req, intents }) => {
    if (intents.has("create") || intents.has("message")) {
      throw new UserError("The lobby makes rooms", { code: "forbidden" });
    }
    return requireUser(req);
  },
  onCreate: async (c) => {
    await c.schedule.after(emptyRoomMs, "end");
  },
  onWake: (c) => c.vars.match.everybodyLeft(c.state),
  onDisconnect: (c, conn) => {
    if (!c.vars.match.leave(c.state, conn.id)) return;
    c.broadcast("board", boardOf(c.state));
  },
  run: async (c) => {
    const { match } = c.vars;
    for await (const _ of c.queue.iter({ names: ["start"] })) {
      match.isRunning = true;
      let due = performance.now();
      while (!c.aborted && match.isActive(Date.now())) {
        const { happenings, ended } = match.tick(c.state, Date.now());
        c.broadcast("tick", frameOf(match.world));
        const news: News[] = [...happenings];
        if (ended !== undefined) {
          const [winner] = ended;
          news.push({ type: "end", winner: winner?.name ?? "Nobody", points: winner?.points ?? 0 });
          const main = c.client<Lobbies>().lobby.getOrCreate(["main"]);
          c.waitUntil(main.send("rounds", roundsOf(ended, Date.now())));
        }
        if (news.length > 0) {
          c.broadcast("news", news);
          c.broadcast("board", boardOf(c.state));
        }
        due = Math.max(due + tickMs, performance.now() - 5 * tickMs);
        await pause(due - performance.now(), c.abortSignal);
      }
      match.isRunning = false;
    }
  },
  actions: {
    /** Gives the caller a place, or the one of before; the latest connection of a person steers. */
    join: async (c) => {
      const user: User = c.conn.auth;
      const { match } = c.vars;
      const now = Date.now();
      if (!match.isActive(now)) restartRound(c.state, now);
      const { slot } = match.join(c.state, user, c.conn.id, now);
      c.conn.state = { slot };
      if (!match.isRunning) await c.queue.send("start", null);
      c.broadcast("board", boardOf(c.state));
      if (!c.state.isWatched) {
        c.state.isWatched = true;
        await c.schedule.after(limits.pruneEveryMs, "prune");
      }
      await tellLobby(c.client<Lobbies>(), c.key, c.state);
      return { slot, board: boardOf(c.state), frame: frameOf(match.world) };
    },
    /** Not answered with anything: the next tick shows what has come of it. */
    input: async (c, value: unknown) => {
      const input = checkedInput(value);
      if (input === undefined) throw new UserError("This is no input", { code: "invalid_input" });
      const { match } = c.vars;
      match.input(c.conn.state.slot, c.conn.id, input, Date.now());
      if (!match.isRunning && match.isActive(Date.now())) {
        match.isRunning = true;
        await c.queue.send("start", null);
      }
    },
    board: (c) => boardOf(c.state),
    /** Scheduled every minute while somebody has a place, also through a crash: frees the places that were left. */
    prune: async (c) => {
      refuseNetwork(c.conn);
      c.vars.match.prune(c.state);
      c.state.isWatched = c.state.players.length > 0;
      if (c.state.isWatched) await c.schedule.after(limits.pruneEveryMs, "prune");
      c.broadcast("board", boardOf(c.state));
      await tellLobby(c.client<Lobbies>(), c.key, c.state);
    },
    /** Scheduled. */
    end: async (c) => {
      refuseNetwork(c.conn);
      if (c.state.players.length === 0) c.destroy();
      else await c.schedule.after(emptyRoomMs, "end");
    },
  },
  connState: { slot: -1 },
});

/** Scheduled actions have no connection. */
function refuseNetwork(conn: unknown): void {
  if (conn !== undefined) throw new UserError("The room does this by itself", { code: "forbidden" });
}

/** A round does not go on while nobody plays. */
function restartRound(state: RoomState, now: number): void {
  if (state.round.endsAt < now) state.round = { number: state.round.number + 1, endsAt: now + rules.roundMs };
}

function boardOf({ players, round }: RoomState): Board {
  const standings = players
    .map(({ slot, name, points, user, awayFor }) => ({
      ...{ slot, name, points },
      ...{ isBot: user === undefined, isAway: awayFor !== undefined },
    }))
    .sort((a, b) => b.points - a.points);
  return { standings, round: round.number, leftMs: Math.max(0, round.endsAt - Date.now()) };
}

async function tellLobby(
  client: Client<Lobbies>,
  [room = ""]: readonly string[],
  { players, isPrivate }: RoomState & { isPrivate: boolean },
): Promise<void> {
  const people = players.flatMap(({ user }) => (user === undefined ? [] : [user]));
  await client.lobby.getOrCreate(["main"]).send("news", { room, players: people, isPrivate });
}

/** Leaves nothing on the signal, which lives for as long as the actor is awake. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    signal.addEventListener("abort", end);
  });
}
