import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createClient } from "holdfast/client";
import { setupTest } from "holdfast/test";
import { Match, type Player, roundsOf } from "./actors/match.ts";
import { registry } from "./actors.ts";
import { botInput } from "./game/bots.ts";
import { checkedInput, InputQueue } from "./game/input-queue.ts";
import { field, rules, tickMs, walls } from "./game/rules.ts";
import { fighterOf, frameOf } from "./game/wire.ts";
import { type Input, move, newFighter, newWorld, step } from "./game/world.ts";
import { limits } from "./limits.ts";
import { Interpolation } from "./page/interpolation.ts";
import { Prediction } from "./page/prediction.ts";
import { newUser, sessionCookie, signWith, type User } from "./sessions.ts";

signWith("a key for tests");

/** The same numbers in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const input = (seq: number, change: Partial<Input> = {}): Input => ({
  seq,
  x: 0,
  y: 0,
  aim: 0,
  fire: false,
  ...change,
});

test("a page that repeats its inputs from what was sent comes to the place where the server has it", () => {
  const random = numbers(1);
  const world = newWorld(random);
  const fighter = newFighter(0, random);
  world.fighters.push(fighter);
  const inputs = Array.from({ length: 200 }, (_, at) =>
    input(at + 1, { x: Math.sin(at / 9), y: Math.cos(at / 13), aim: at / 10 }),
  );
  for (const each of inputs.slice(0, 120)) step(world, new Map([[0, [each]]]), random);
  const [sent] = frameOf(world).fighters;
  assert.ok(sent !== undefined);
  const predicted = { ...fighterOf(sent) };
  assert.equal(predicted.seq, 120);
  for (const each of inputs.slice(120)) {
    move(predicted, each);
    step(world, new Map([[0, [each]]]), random);
  }
  assert.deepEqual([predicted.x, predicted.y, predicted.aim], [fighter.x, fighter.y, fighter.aim]);
});

test("nobody leaves the field or enters a wall, and the bots collect gems and shoot", () => {
  const random = numbers(2);
  const world = newWorld(random);
  for (let slot = 0; slot < 5; slot++) world.fighters.push(newFighter(slot, random));
  const counts = { gem: 0, knockout: 0 };
  for (let tick = 0; tick < 3_000; tick++) {
    const inputs = new Map(world.fighters.map((fighter) => [fighter.slot, [botInput(world, fighter)]]));
    for (const { type } of step(world, inputs, random)) counts[type] += 1;
    for (const { x, y } of world.fighters) {
      assert.ok(
        x >= rules.radius &&
          x <= field.width - rules.radius &&
          y >= rules.radius &&
          y <= field.height - rules.radius,
      );
      assert.ok(
        !walls.some(
          (wall) => x > wall.x && x < wall.x + wall.width && y > wall.y && y < wall.y + wall.height,
        ),
      );
    }
  }
  assert.ok(counts.gem > 50 && counts.knockout > 5, JSON.stringify(counts));
});

test("the own fighter moves at once, and others are drawn between the ticks that have arrived", () => {
  const world = newWorld(numbers(3));
  world.fighters.push({ ...newFighter(0, numbers(4)), x: 100, y: 100 });
  const prediction = new Prediction();
  const sent = () => fighterOf(frameOf(world).fighters[0] ?? assert.fail());
  prediction.correct(sent());
  for (const seq of [1, 2, 3]) prediction.add(input(seq, { x: 1 }));
  const ahead = prediction.fighter?.x ?? 0;
  assert.ok(ahead > 100);
  step(world, new Map([[0, [input(1, { x: 1 })]]]), numbers(5));
  prediction.correct(sent());
  assert.equal(prediction.fighter?.x, ahead, "what the server has not seen yet is repeated");

  const others = new Interpolation();
  for (const tick of [10, 11, 12, 13]) {
    const [slot, , ...rest] = frameOf(world).fighters[0] ?? assert.fail();
    others.add({ ...frameOf(world), tick, fighters: [[slot, tick * 100, ...rest]] }, 5_000 + tick * tickMs);
  }
  // Two ticks in the past, between ticks 10 and 11.
  assert.equal(others.fighters(5_000 + 12.5 * tickMs)[0]?.x, 105);
});

test("late inputs are made up for, and a page that sends faster is not faster", () => {
  const late = new InputQueue();
  assert.deepEqual([late.take(), late.take()], [[], []]);
  for (const seq of [1, 2, 3]) late.add(input(seq));
  assert.deepEqual([late.take().length, late.take().length, late.take().length], [2, 1, 0]);
  const fast = new InputQueue();
  let moved = 0;
  for (let tick = 0; tick < 100; tick++) {
    for (let n = 0; n < 5; n++) fast.add(input(tick * 5 + n));
    moved += fast.take().length;
  }
  assert.equal(moved, 100);
  assert.equal(checkedInput({ seq: 1, x: Number.NaN, y: 0, aim: 0 }), undefined);
  assert.deepEqual(checkedInput({ seq: 1.5, x: 9, y: -9, aim: 0, fire: 1 }), input(1, { x: 1, y: -1 }));
});

async function open(t: TestContext) {
  const kit = await setupTest(t, registry);
  await kit.client.room.create(["r1"], { input: { isPrivate: false } });
  const endpoint = new URL(await kit.client.room.get(["r1"]).getGatewayUrl()).origin;
  /** A page of this person: its cookie is in each request, also in that of the WebSocket. */
  const clientOf = (user: User) => {
    const cookie = sessionCookie(user, "localhost").split(";")[0] ?? "";
    const client = createClient<typeof registry>({
      endpoint,
      headers: { cookie },
      WebSocket: class extends WebSocket {
        constructor(url: string | URL, protocols?: string | string[]) {
          super(url, { protocols, headers: { cookie } } as unknown as string[]);
        }
      },
    });
    t.after(() => client.dispose());
    return client;
  };
  return { ...kit, clientOf, connect: (user: User) => clientOf(user).room.get(["r1"]).connect() };
}

test("points survive a crash, and who comes back has place and points", async (t) => {
  const { connect, crash, client } = await open(t);
  const ann = newUser("Ann");
  const conn = connect(ann);
  const { slot, board } = await conn.join();
  assert.equal(board.standings.length, limits.fighters);
  const points = new Promise<number>((resolve) => {
    conn.on("board", ({ standings }) => {
      const mine = standings.find((each) => each.slot === slot)?.points ?? 0;
      if (mine >= 1) resolve(mine);
    });
  });
  // Ann plays as a bot does.
  const place = { ...newFighter(slot, Math.random) };
  let seq = 0;
  conn.on("tick", (frame) => {
    const fighters = frame.fighters.map((each) => ({ ...place, ...fighterOf(each) }));
    const me = fighters.find((each) => each.slot === slot);
    const gems = frame.gems.map(([id, x, y]) => ({ id, x, y }));
    if (me === undefined) return;
    const next = botInput({ tick: frame.tick, fighters: [me], gems, shots: [], nextId: 0 }, me);
    void conn.input({ ...next, seq: ++seq }).catch(() => undefined);
  });
  const seen = await points;
  await conn.dispose();
  await crash();
  const again = connect(ann);
  const back = await again.join();
  assert.equal(back.slot, slot);
  const kept = back.board.standings.find((each) => each.slot === slot);
  assert.ok((kept?.points ?? 0) >= seen, `${kept?.points} of ${seen} points`);
  await again.dispose();
  assert.equal(
    (await client.room.get(["r1"]).board()).standings.find((each) => each.slot === slot)?.isAway,
    true,
  );
});

test("a room has places for eight, only the server makes rooms, and the latest tab steers", async (t) => {
  const { connect, clientOf } = await open(t);
  const people = Array.from({ length: limits.playersOfRoom }, (_, at) => newUser(`P${at}`));
  const conns = people.map(connect);
  const joined = await Promise.all(conns.map((conn) => conn.join()));
  assert.equal(new Set(joined.map(({ slot }) => slot)).size, limits.playersOfRoom);
  await assert.rejects(connect(newUser("Late")).join(), { code: "room_full" });
  const [first] = people;
  assert.ok(first !== undefined);
  const other = connect(first);
  assert.equal((await other.join()).slot, joined[0]?.slot);
  await assert.rejects(conns[0]?.input(input(1)) ?? Promise.resolve(), { code: "elsewhere" });
  await other.input(input(1));
  const client = clientOf(first);
  await assert.rejects(client.room.getOrCreate(["mine"], { createWithInput: { isPrivate: false } }).board(), {
    code: "forbidden",
  });
  for (const own of ["end", "prune"])
    await assert.rejects(client.room.get(["r1"]).action({ name: own, args: [] }), { code: "forbidden" });
  await assert.rejects(client.lobby.getOrCreate(["main"]).play(first, false), { code: "forbidden" });
});

test("a place is kept for a minute, and is free after two, also when the process died meanwhile", async (t) => {
  const { connect, client, clock, crash } = await open(t);
  const people = async () => {
    const { standings } = await client.room.get(["r1"]).board();
    return standings.filter(({ isBot }) => !isBot).map(({ name }) => name);
  };
  const conn = connect(newUser("Ann"));
  await conn.join();
  await conn.dispose();
  await crash();
  assert.deepEqual(await people(), ["Ann"]);
  clock.pause();
  await clock.advance(2 * limits.pruneEveryMs);
  assert.deepEqual(await people(), []);
  assert.equal((await client.lobby.getOrCreate(["main"]).overview()).players, 0);
});

test("a round ends with its standings, and the best rounds of people are kept", async (t) => {
  const match = new Match();
  const state = { players: [] as Player[], round: { number: 1, endsAt: 1_000 } };
  const { slot } = match.join(state, newUser("Ann"), "c1", 0);
  for (const player of state.players) player.points = player.slot === slot ? 7 : 3;
  assert.equal(match.tick(state, 999).ended, undefined);
  const { ended } = match.tick(state, 1_000);
  assert.equal(ended?.[0]?.name, "Ann");
  assert.deepEqual(state.round, { number: 2, endsAt: 1_000 + rules.roundMs });
  assert.deepEqual(new Set(state.players.map(({ points }) => points)), new Set([0]));

  const { client } = await setupTest(t, registry);
  const lobby = client.lobby.getOrCreate(["main"]);
  const connected = lobby.connect();
  const heard = new Promise((resolve) => connected.on("changed", resolve));
  await connected.overview();
  const [mine] = roundsOf(ended ?? [], 1_000);
  assert.ok(mine !== undefined && mine.points >= 7);
  await lobby.send(
    "rounds",
    Array.from({ length: 12 }, (_, at) => ({ ...mine, points: at })),
  );
  await heard;
  const { best } = await lobby.overview();
  assert.deepEqual(
    best.map(({ points }) => points),
    [11, 10, 9, 8, 7, 6, 5, 4, 3, 2],
  );
});

test("the lobby fills rooms, finds the one of before, and keeps private ones to themselves", async (t) => {
  const { client } = await setupTest(t, registry);
  const lobby = client.lobby.getOrCreate(["main"]);
  const people = Array.from({ length: limits.playersOfRoom + 1 }, (_, at) => newUser(`P${at}`));
  const rooms = [];
  for (const person of people) rooms.push((await lobby.play(person, false)).room);
  assert.equal(new Set(rooms.slice(0, -1)).size, 1);
  assert.notEqual(rooms.at(-1), rooms[0]);
  const [first] = people;
  assert.ok(first !== undefined);
  assert.equal((await lobby.play(first, false)).room, rooms[0]);
  const closed = await lobby.play(first, true);
  assert.ok(closed.isNew);
  assert.ok(!rooms.includes(closed.room));
});
