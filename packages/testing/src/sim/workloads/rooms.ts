import { actor, event } from "@holdfast/actors";
import { type HoldfastError, isErrorCode } from "@holdfast/core";
import type { Workload, World } from "../world.ts";

interface Params {
  readonly name: string;
}

interface Observed {
  /** Present connections, except the caller's own. */
  readonly conns: number;
  readonly present: number;
  /** Connections whose disconnect hook has not run. */
  readonly open: readonly string[];
}

const roomNames = ["red", "blue"];

function lobbyOf(world: World) {
  return actor({
    options: { sleepTimeout: 3_000 },
    state: { said: {} as Record<string, number>, last: "", conns: {} as Record<string, "in" | "out"> },
    createConnState: (_c, params?: Params) => ({ name: params?.name ?? "", entered: "" }),
    events: { said: event<[room: string, seq: number, token: string]>() },
    onConnect: (c, conn) => {
      if (conn.state.name === "") return;
      world.note(`${conn.state.name} connects with ${conn.id}`);
      c.state.conns[conn.id] = "in";
    },
    onDisconnect: (c, conn) => {
      const { name } = conn.state;
      if (name === "") return;
      world.assert(
        c.state.conns[conn.id] !== "out",
        () => `the end of ${name}'s ${conn.id} was reported twice`,
      );
      world.note(`${name} disconnects with ${conn.id}`);
      c.state.conns[conn.id] = "out";
    },
    actions: {
      enter: (c, name: string, room: string) => {
        const { state } = c.conn;
        world.assert(state.name === name, () => `the connection of ${name} is that of ${state.name}`);
        state.entered = room;
        c.conn.join(room);
        c.presence.set(c.conn, name);
      },
      say: (c, room: string, token: string) => {
        const seq = (c.state.said[room] ?? 0) + 1;
        c.state.said[room] = seq;
        c.state.last = token;
        c.broadcast({ event: "said", room }, room, seq, token);
        return seq;
      },
      look: (c): Observed => ({
        conns: [...c.conns.keys()].filter((id) => id !== c.conn.id).length,
        present: c.presence.all.size,
        open: Object.entries(c.state.conns).flatMap(([id, is]) => (is === "in" ? [id] : [])),
      }),
    },
  });
}

/** Target of an action. */
type Callable = { action(options: { name: string; args: unknown[] }): Promise<unknown> };

/** Client that stays in one room across cuts, sleeps and crashes. */
class Member {
  readonly name: string;
  readonly room: string;
  heard = 0;
  /** Present members, as reported to this one. */
  present: readonly string[] = [];
  dispose: () => Promise<void> = async () => undefined;
  readonly #world: World;
  #expected: number | undefined;

  constructor(world: World, name: string, room: string) {
    this.#world = world;
    this.name = name;
    this.room = room;
  }

  join(): void {
    const { name } = this;
    const world = this.#world;
    const params: Params = { name };
    let since = world.scheduler.time;
    const conn = world.client.getOrCreate("lobby", "l").connect(params);
    const ends = [
      conn.on("said", (where: string, seq: number, token: string) => this.#onEvent(where, seq, token)),
      conn.onPresence((present) => {
        this.present = [...present.values()].map(String).sort();
      }),
      conn.onGap(() => {
        world.note(`${name} has a gap`);
        world.assert(world.mayMissEvents(since), () => `${name} has a gap, and no node had lost anything`);
        since = world.scheduler.time;
        this.#expected = undefined;
      }),
      // A resumed connection keeps its rooms; a new one has none.
      conn.onOpen(() => void this.#joinRoom(conn)),
      conn.onError((error) => this.#onError(error)),
    ];
    this.dispose = () => {
      for (const end of ends) end();
      return conn.dispose();
    };
  }

  async #joinRoom(conn: Callable): Promise<void> {
    const { name, room } = this;
    await this.#world.attempt(`${name} enters`, async () => {
      try {
        await conn.action({ name: "enter", args: [name, room] });
        return true;
      } catch (error) {
        if (isErrorCode(error, "conn", "disposed")) return false;
        throw error;
      }
    });
  }

  #onEvent(where: string, seq: number, token: string): void {
    const { name, room } = this;
    const world = this.#world;
    world.note(`${name} hears ${seq} in ${where}`);
    world.assert(where === room, () => `${name} in ${room} heard what was said in ${where}`);
    world.assert(world.ledger.isDurable(token), () => `event ${seq} of ${room} was sent before its commit`);
    world.assert(seq > this.heard, () => `${name} heard ${seq} after ${this.heard}`);
    const isNext = this.#expected === undefined || seq === this.#expected;
    world.assert(isNext, () => `${name} heard ${seq} instead of ${this.#expected} without a gap`);
    this.heard = seq;
    this.#expected = seq + 1;
  }

  /** A full disk ends a connection permanently with an error: the client opens another. */
  #onError(error: HoldfastError): void {
    const world = this.#world;
    const errorName = `${this.name} is told ${error.group}.${error.code}`;
    world.note(errorName);
    world.assert(!world.areFaultsOver, () => `${errorName} after healing`);
    this.#expected = undefined;
    void this.dispose();
    void world.pause(1_000).then(() => this.join());
  }
}

/** A lobby with rooms: members hear exactly their own room, and everyone sees who is present. */
export function rooms(world: World): Workload {
  const random = world.random("rooms");
  const lobby = () => world.client.getOrCreate("lobby", "l");
  const members = Array.from(
    { length: random.int(2, 5) },
    (_, at) => new Member(world, `member ${at}`, random.pick(roomNames)),
  );
  const last = new Map<string, number>();

  const say = async (room: string): Promise<void> => {
    const token = world.ledger.token();
    const seq = await world.attempt(`say ${token} in ${room}`, async () =>
      Number(await lobby().action({ name: "say", args: [room, token] })),
    );
    if (seq !== undefined) last.set(room, Math.max(seq, last.get(room) ?? 0));
  };
  const speaker = async (): Promise<void> => {
    for (let times = random.int(10, 40); times > 0; times--) {
      await world.pause(random.skewed(6_000));
      await say(random.pick(roomNames));
    }
  };
  const member = (own: Member) => async (): Promise<void> => {
    await world.pause(random.skewed(10_000));
    own.join();
  };
  const look = async (): Promise<Observed> => (await lobby().action({ name: "look" })) as Observed;

  return {
    name: "rooms",
    definitions: { lobby: lobbyOf(world) },
    clients: [speaker, speaker, ...members.map(member)],
    check: async () => {
      // The last node restarts, and both ends notice a cut within half a minute.
      await world.pause(90_000);
      for (const room of roomNames) await say(room);
      await world.eventually("every member has the last event of its room", 120_000, () =>
        members.every(({ heard, room }) => heard === last.get(room)),
      );
      const names = members.map(({ name }) => name).join();
      await world.eventually("every member sees who is present", 120_000, () =>
        members.every(({ present }) => present.join() === names),
      );
      for (const each of members) await each.dispose();
      await world.eventually("the disconnect hook ran for every closed connection", 120_000, async () => {
        const { conns, present, open } = await look();
        world.note(`${conns} connections, ${present} present, no disconnect hook for ${open.join(" ")}`);
        return conns === 0 && present === 0 && open.length === 0;
      });
    },
  };
}
