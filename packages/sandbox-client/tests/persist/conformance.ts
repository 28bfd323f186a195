import type { SessionEvent, SessionPersistDriver, SessionRecord } from "../../src/index.ts";

/**
 * What every driver of the persistence interface does. It knows no test runner and no Node, so that it
 * runs in a browser too: each case throws when it fails. Ids hold `scope`, so that cases share a store.
 */
export interface DriverCase {
  readonly name: string;
  run(driver: SessionPersistDriver, scope: string): Promise<void>;
}

const record = (id: string, createdAt = 1): SessionRecord => ({
  id,
  agent: "demo",
  agentSessionId: `agent-${id}`,
  lastConnectionId: "c1",
  createdAt,
});

const event = (sessionId: string, eventIndex: number, text = "x"): SessionEvent => ({
  id: `${sessionId}-${eventIndex}`,
  eventIndex,
  sessionId,
  createdAt: 10 + eventIndex,
  connectionId: "c1",
  sender: eventIndex % 2 === 0 ? "agent" : "client",
  payload: { jsonrpc: "2.0", method: "session/update", params: { text, nested: [1, null, { deep: true }] } },
});

function same(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(sorted(value)));
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

async function fails(call: Promise<unknown>, pattern: RegExp, what: string): Promise<void> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const message = error instanceof Error ? error.message : "it did not fail";
  if (!pattern.test(message)) throw new Error(`${what}: ${message}`);
}

async function sessionIds(driver: SessionPersistDriver, scope: string, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await driver.listSessions({ limit, ...(cursor === undefined ? {} : { cursor }) });
    pages.push(page.items.map(({ id }) => id).filter((id) => id.startsWith(scope)));
    if (page.items.length > limit) throw new Error(`a page of ${page.items.length} for a limit of ${limit}`);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return pages;
}

export const driverCases: readonly DriverCase[] = [
  {
    name: "a session that is unknown is undefined, and has no events",
    async run(driver, scope) {
      same(await driver.getSession(`${scope}-none`), undefined, "getSession");
      same(await driver.listEvents({ sessionId: `${scope}-none` }), { items: [] }, "listEvents");
    },
  },
  {
    name: "a session comes back as it was given, and is replaced by the next",
    async run(driver, scope) {
      const full: SessionRecord = {
        ...record(`${scope}-1`),
        sandboxId: "local/1",
        sessionInit: { cwd: "/ä ö", mcpServers: [{ name: "m", command: "c", args: ["'\"\\"], env: [] }] },
        configOptions: [{ id: "o", name: "O", type: "select", currentValue: "a", options: [] }],
        modes: { currentModeId: "m", availableModes: [{ id: "m", name: "M" }] },
      };
      await driver.updateSession(full);
      same(await driver.getSession(full.id), full, "the first");
      const { sandboxId: _gone, ...rest } = full;
      const next = { ...rest, destroyedAt: 77, modes: null };
      await driver.updateSession(next);
      same(await driver.getSession(full.id), next, "the second");
    },
  },
  {
    name: "what was given may be changed afterwards, and what came back too",
    async run(driver, scope) {
      const given = record(`${scope}-1`);
      await driver.updateSession(given);
      given.agent = "other";
      const back = await driver.getSession(given.id);
      same(back?.agent, "demo", "after a change of what was given");
      if (back) back.agent = "other";
      same((await driver.getSession(given.id))?.agent, "demo", "after a change of what came back");
    },
  },
  {
    name: "sessions are listed oldest first, in pages of any size, each once",
    async run(driver, scope) {
      const times = [5, 3, 3, 9, 1];
      for (const [index, createdAt] of times.entries())
        await driver.updateSession(record(`${scope}-${index}`, createdAt));
      const expected = [4, 1, 2, 0, 3].map((index) => `${scope}-${index}`);
      for (const limit of [1, 2, 5, 1_000])
        same((await sessionIds(driver, scope, limit)).flat(), expected, `pages of ${limit}`);
    },
  },
  {
    name: "events are listed by index, whatever the order in which they came",
    async run(driver, scope) {
      for (const index of [2, 1, 11, 3, 10]) await driver.insertEvent(scope, event(scope, index));
      const { items, nextCursor } = await driver.listEvents({ sessionId: scope });
      same(
        items,
        [1, 2, 3, 10, 11].map((index) => event(scope, index)),
        "events",
      );
      same(nextCursor, undefined, "cursor of the last page");
    },
  },
  {
    name: "pages of events are exact at their limit, one below and one above",
    async run(driver, scope) {
      for (let index = 1; index <= 4; index += 1) await driver.insertEvent(scope, event(scope, index));
      const pages: number[][] = [];
      let cursor: string | undefined;
      do {
        const page = await driver.listEvents({
          sessionId: scope,
          limit: 3,
          ...(cursor === undefined ? {} : { cursor }),
        });
        pages.push(page.items.map(({ eventIndex }) => eventIndex));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      same(pages, [[1, 2, 3], [4]], "limit 3 of 4");
      same((await driver.listEvents({ sessionId: scope, limit: 4 })).nextCursor, undefined, "limit 4 of 4");
      same((await driver.listEvents({ sessionId: scope, limit: 5 })).nextCursor, undefined, "limit 5 of 4");
    },
  },
  {
    name: "a page without a limit has 100, and never more than 1,000",
    async run(driver, scope) {
      const sizes = async (limit?: number) =>
        (await driver.listEvents({ sessionId: scope, ...(limit === undefined ? {} : { limit }) })).items
          .length;
      for (let index = 1; index <= 101; index += 1) await driver.insertEvent(scope, event(scope, index));
      same([await sizes(), await sizes(101), await sizes(5_000)], [100, 101, 101], "sizes");
      await fails(driver.listEvents({ sessionId: scope, limit: 0 }), /whole number/, "limit 0");
      await fails(driver.listSessions({ limit: 1.5 }), /whole number/, "limit 1.5");
      await fails(driver.listEvents({ sessionId: scope, cursor: "x'; --" }), /cursor/, "a foreign cursor");
      await fails(driver.listSessions({ cursor: "x'; --" }), /cursor/, "a foreign cursor");
    },
  },
  {
    name: "an index is taken once, and the error says so in the words of the interface",
    async run(driver, scope) {
      await driver.insertEvent(scope, event(scope, 1, "first"));
      const taken = /UNIQUE constraint failed: .*session_id, .*event_index/;
      await fails(driver.insertEvent(scope, event(scope, 1, "second")), taken, "the second");
      await driver.insertEvent(`${scope}-other`, event(`${scope}-other`, 1));
      same((await driver.listEvents({ sessionId: scope })).items, [event(scope, 1, "first")], "what is kept");
    },
  },
  {
    name: "of many that want one index at once, one gets it",
    async run(driver, scope) {
      const tries = Array.from({ length: 8 }, (_value, index) =>
        driver.insertEvent(scope, event(scope, 1, String(index))),
      );
      const settled = await Promise.allSettled(tries);
      same(settled.filter(({ status }) => status === "fulfilled").length, 1, "how many got it");
      same((await driver.listEvents({ sessionId: scope })).items.length, 1, "how many are kept");
    },
  },
  {
    name: "any text of an agent is kept as it was",
    async run(driver, scope) {
      const texts = ["\u0000 null", "🦉 \ud800 half", "\u2028", "'\"`\\", "x".repeat(300_000), "__proto__"];
      for (const [index, text] of texts.entries())
        await driver.insertEvent(scope, event(scope, index + 1, text));
      const { items } = await driver.listEvents({ sessionId: scope });
      same(
        items,
        texts.map((text, index) => event(scope, index + 1, text)),
        "texts",
      );
    },
  },
  {
    name: "ids are only ids: blanks, quotes, slashes, other scripts",
    async run(driver, scope) {
      for (const id of [" ", "a'b", 'a"b', "a/b\\c", "Ü日本", "%", "a:1"].map((text) => `${scope}${text}`)) {
        await driver.updateSession(record(id));
        await driver.insertEvent(id, event(id, 1));
        same((await driver.getSession(id))?.id, id, "session");
        same((await driver.listEvents({ sessionId: id })).items.length, 1, `events of ${id}`);
      }
      same((await sessionIds(driver, scope, 2)).flat().length, 7, "sessions in pages");
    },
  },
];

/** Runs every case, each in a scope of its own; resolves with what failed. */
export async function failuresOf(make: (scope: string) => Promise<SessionPersistDriver>): Promise<string[]> {
  const failures: string[] = [];
  for (const [index, { name, run }] of driverCases.entries()) {
    const scope = `scope${index}`;
    try {
      await run(await make(scope), scope);
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failures;
}
