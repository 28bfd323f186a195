import { actor, queue } from "@holdfast/actors";
import type { Workload, World } from "../world.ts";

interface Deposit {
  readonly token: string;
  readonly amount: number;
}

interface Transfer extends Deposit {
  readonly to: string;
  readonly debitsFirst: boolean;
  readonly waits: boolean;
}

const accounts = ["a", "b", "c"];
const opening = 1_000;

/** Money that moves between actors through queues: none may appear or vanish. */
export function transfers(world: World): Workload {
  const random = world.random("transfers");
  const account = actor({
    state: { balance: opening, sent: [] as string[], received: [] as string[] },
    queues: { deposits: queue<Deposit>() },
    run: async (c) => {
      for await (const message of c.queue.iter({ names: ["deposits"] })) {
        c.state.balance += message.body.amount;
        c.state.received.push(message.body.token);
      }
    },
    actions: {
      transfer: async (c, { token, to, amount, debitsFirst, waits }: Transfer) => {
        const debit = (): void => {
          c.state.balance -= amount;
          c.state.sent.push(token);
        };
        if (debitsFirst) debit();
        // The message commits with the debit's turn, in whichever order the code does them.
        const sent = c.client().getOrCreate("account", to).send("deposits", { token, amount });
        if (!debitsFirst) debit();
        if (waits) await sent;
        else sent.catch(() => undefined);
      },
      look: (c) => ({ balance: c.state.balance, sent: [...c.state.sent], received: [...c.state.received] }),
    },
  });
  const acknowledged = new Set<string>();

  const client = async (): Promise<void> => {
    for (let count = random.int(5, 20); count > 0; count--) {
      await world.pause(random.skewed(20_000));
      const from = random.pick(accounts);
      const to = random.pick(accounts.filter((name) => name !== from));
      const token = world.ledger.token();
      const amount = random.int(1, 50);
      const transfer: Transfer = {
        token,
        amount,
        to,
        debitsFirst: random.chance(0.5),
        waits: random.chance(0.3),
      };
      const done = await world.attempt(`transfer ${amount} ${from} to ${to} ${token}`, async () => {
        await world.client.getOrCreate("account", from).action({ name: "transfer", args: [transfer] });
        return true;
      });
      if (done !== true) continue;
      acknowledged.add(token);
      world.assert(world.ledger.isDurable(token), () => `a reply was sent before its commit (${token})`);
    }
  };

  const look = async (name: string): Promise<{ balance: number; sent: string[]; received: string[] }> =>
    (await world.client.getOrCreate("account", name).action({ name: "look" })) as Awaited<
      ReturnType<typeof look>
    >;

  return {
    name: "transfers",
    definitions: { account },
    clients: Array.from({ length: 3 }, () => client),
    check: async () => {
      let all: Awaited<ReturnType<typeof look>>[] = [];
      await world.eventually("transfers arrive", 600_000, async () => {
        all = [];
        for (const name of accounts) all.push(await look(name));
        const sent = all.flatMap((each) => each.sent);
        const received = new Set(all.flatMap((each) => each.received));
        const missing = sent.filter((token) => !received.has(token));
        if (missing.length > 0) world.note(`still in transit: ${missing.join(" ")}`);
        return missing.length === 0;
      });
      const sent = all.flatMap((each) => each.sent).sort();
      const received = all.flatMap((each) => each.received).sort();
      world.assert(sent.join() === received.join(), () => `sent ${sent}, received ${received}`);
      world.assert(new Set(sent).size === sent.length, () => `a transfer ran twice: ${sent}`);
      for (const token of acknowledged)
        world.assert(sent.includes(token), () => `transfer ${token} was lost`);
      const total = all.reduce((sum, { balance }) => sum + balance, 0);
      world.assert(total === opening * accounts.length, () => `the total of all accounts is ${total}`);
    },
  };
}
