/** Finds a room for each player, and keeps the best rounds. There is one, with the key "main". */
import { randomUUID } from "node:crypto";
import { actor, event, queue, UserError } from "holdfast";
import { limits } from "../limits.ts";
import { requireUser, type User } from "../sessions.ts";

/** A room tells who has a place in it, whenever that changes. */
export interface RoomNews {
  readonly room: string;
  readonly players: readonly string[];
  readonly isPrivate: boolean;
}

export interface Round {
  readonly name: string;
  readonly points: number;
  readonly endedAt: number;
}

export interface Overview {
  readonly players: number;
  readonly rooms: number;
  readonly best: readonly Round[];
}

interface Reservation {
  readonly user: string;
  readonly until: number;
}

interface Room extends RoomNews {
  readonly reserved: readonly Reservation[];
}

export const lobby = actor({
  state: { rooms: [] as Room[], best: [] as Round[] },
  events: { changed: event<Overview>() },
  queues: { news: queue<RoomNews>(), rounds: queue<readonly Round[]>() },
  onAuth: (c, { req, intents }) => {
    if (c.key?.[0] !== "main" || intents.has("message")) {
      throw new UserError("There is one lobby", { code: "forbidden" });
    }
    return requireUser(req);
  },
  run: async (c) => {
    for await (const { name, body } of c.queue.iter({ names: ["news", "rounds"] })) {
      if (name === "news") c.state.rooms = withNews(c.state.rooms, body as RoomNews, Date.now());
      else c.state.best = withRounds(c.state.best, body as readonly Round[]);
      c.broadcast("changed", overviewOf(c.state));
    }
  },
  actions: {
    overview: (c) => overviewOf(c.state),
    /** Only for the server, which makes the room: the id of the room where this person plays. */
    play: (c, user: User, isPrivate: boolean) => {
      if (c.conn.auth !== undefined) throw new UserError("Use the button", { code: "forbidden" });
      const now = Date.now();
      const rooms = c.state.rooms.map((room) => ({ ...room, reserved: valid(room.reserved, now) }));
      const found = isPrivate ? undefined : (roomOf(rooms, user) ?? fullestWithPlace(rooms));
      if (found === undefined && rooms.length >= limits.rooms) {
        throw new UserError("All rooms are in use. Try again in a minute.", { code: "no_room" });
      }
      const room = found ?? { room: randomUUID(), players: [], isPrivate, reserved: [] };
      const reserved = [
        ...room.reserved.filter((each) => each.user !== user.id),
        { user: user.id, until: now + limits.reservedMs },
      ];
      const others = rooms.filter((each) => each.room !== room.room && !isEmpty(each));
      c.state.rooms = [...others, { ...room, reserved }];
      return { room: room.room, isNew: found === undefined };
    },
  },
});

/** Who comes back finds the room that keeps the place. */
function roomOf(rooms: readonly Room[], { id }: User): Room | undefined {
  return rooms.find(
    ({ players, reserved, isPrivate }) =>
      !isPrivate && (players.includes(id) || reserved.some(({ user }) => user === id)),
  );
}

/** Full rooms are more fun than empty ones. */
function fullestWithPlace(rooms: readonly Room[]): Room | undefined {
  const open = rooms.filter((room) => !room.isPrivate && taken(room) < limits.playersOfRoom);
  return open.sort((a, b) => taken(b) - taken(a))[0];
}

function taken({ players, reserved }: Room): number {
  return new Set([...players, ...reserved.map(({ user }) => user)]).size;
}

function isEmpty(room: Room): boolean {
  return taken(room) === 0;
}

function valid(reserved: readonly Reservation[], now: number): Reservation[] {
  return reserved.filter(({ until }) => until > now);
}

function withNews(rooms: readonly Room[], news: RoomNews, now: number): Room[] {
  const before = rooms.find(({ room }) => room === news.room);
  const reserved = valid(before?.reserved ?? [], now).filter(({ user }) => !news.players.includes(user));
  const others = rooms.filter(({ room }) => room !== news.room);
  const room = { ...news, reserved };
  return isEmpty(room) ? others : [...others, room];
}

function withRounds(best: readonly Round[], rounds: readonly Round[]): Round[] {
  return [...best, ...rounds].sort((a, b) => b.points - a.points).slice(0, limits.bestRounds);
}

function overviewOf({ rooms, best }: { rooms: readonly Room[]; best: readonly Round[] }): Overview {
  const busy = rooms.filter(({ players }) => players.length > 0);
  return { players: busy.reduce((sum, { players }) => sum + players.length, 0), rooms: busy.length, best };
}
