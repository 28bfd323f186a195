import type { TaskSessionEvents } from "../../contract.ts";

/** The part of a task's context that is used here. */
export interface SeenContext {
  readonly kv: {
    get(key: string): Promise<string | null>;
    put(key: string, value: string): Promise<void>;
  };
  readonly conn: { readonly state: { readonly person: string } };
  readonly conns: ReadonlyMap<
    string,
    {
      readonly state: { readonly person: string };
      readonly send: (name: "sessionsSeen", seen: TaskSessionEvents["sessionsSeen"]) => void;
    }
  >;
}

interface SeenRow {
  readonly version: 1;
  readonly seen: Readonly<Record<string, number>>;
}

const keyOf = ({ conn }: SeenContext) => `seen/${conn.state.person}`;

/** When the person who asks has last read each session of the task. */
export async function readSeen(c: SeenContext): Promise<Readonly<Record<string, number>>> {
  const row = await c.kv.get(keyOf(c));
  return row === null ? {} : (JSON.parse(row) as SeenRow).seen;
}

/** Notes that the person who asks has read a session, and tells their other connections. */
export async function markSeen(c: SeenContext, sessionId: string, at: number): Promise<void> {
  const seen = { ...(await readSeen(c)), [sessionId]: at };
  const row: SeenRow = { version: 1, seen };
  await c.kv.put(keyOf(c), JSON.stringify(row));
  for (const conn of c.conns.values())
    if (conn.state.person === c.conn.state.person) conn.send("sessionsSeen", seen);
}
