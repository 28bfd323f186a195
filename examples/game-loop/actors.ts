/** A small game: the run handler moves the world, connections steer, everybody sees each tick. */
import { actor, event, setup } from "holdfast";

interface Player {
  x: number;
  speed: number;
}

const tickMs = 25;

export const game = actor({
  state: { players: {} as Record<string, Player>, ticks: 0 },
  createConnState: (_c, params: { name: string }) => ({ name: params?.name ?? "spectator" }),
  events: { world: event<Record<string, number>>() },
  // Positions are worth little: they may leave before they are saved.
  options: { durability: "relaxed", stateSaveInterval: 1_000 },
  onConnect: (c, conn) => {
    c.state.players[conn.state.name] = { x: 0, speed: 0 };
  },
  onDisconnect: (c, conn) => {
    delete c.state.players[conn.state.name];
  },
  run: async (c) => {
    while (!c.aborted) {
      if (c.conns.size > 0) {
        for (const player of Object.values(c.state.players)) player.x += player.speed;
        c.state.ticks += 1;
        c.broadcast("world", positions(c.state.players));
      }
      await pause(tickMs, c.abortSignal);
    }
  },
  actions: {
    steer: (c, speed: number) => {
      const player = c.state.players[c.conn.state.name];
      if (player !== undefined) player.speed = Math.max(-1, Math.min(1, speed));
    },
    ticks: (c) => c.state.ticks,
  },
});

function positions(players: Readonly<Record<string, Player>>): Record<string, number> {
  return Object.fromEntries(Object.entries(players).map(([name, { x }]) => [name, x]));
}

/** Leaves nothing on the signal, which lives for as long as the actor is awake. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

export const registry = setup({ use: { game } });
if (import.meta.main) await registry.start();
