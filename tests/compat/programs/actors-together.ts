/** Actors that call each other, through the client of their context. */
import assert from "node:assert/strict";
import { actor, queue, setup, UserError } from "rivetkit";
import { type Client, createClient } from "rivetkit/client";

const account = actor({
  createState: (_c: unknown, input: { balance: number } | undefined) => ({ balance: input?.balance ?? 0 }),
  queues: { deposits: queue<number>() },
  actions: {
    balance: (c) => c.state.balance,
    withdraw: (c, amount: number) => {
      if (c.state.balance < amount) throw new UserError("not enough", { code: "insufficient" });
      c.state.balance -= amount;
      return c.state.balance;
    },
    deposit: (c, amount: number) => {
      c.state.balance += amount;
      return c.state.balance;
    },
  },
});

const bank = actor({
  state: { transfers: 0 },
  actions: {
    transfer: async (c, from: string, to: string, amount: number): Promise<number> => {
      const client = c.client<Accounts>();
      await client.account.getOrCreate([from], { createWithInput: { balance: 100 } }).withdraw(amount);
      await client.account.getOrCreate([to]).deposit(amount);
      c.state.transfers += 1;
      return c.state.transfers;
    },
  },
});

const accounts = setup({ use: { account } });
type Accounts = typeof accounts;

export const registry = setup({ use: { account, bank } });

export async function program(endpoint: string): Promise<void> {
  const client: Client<typeof registry> = createClient<typeof registry>(endpoint);
  const teller = client.bank.getOrCreate(["main"]);
  assert.equal(await teller.transfer("ann", "bob", 30), 1);
  assert.equal(await teller.transfer("ann", "bob", 30), 2);
  assert.equal(await client.account.get(["ann"]).balance(), 40);
  assert.equal(await client.account.get(["bob"]).balance(), 60);
  await assert.rejects(teller.transfer("ann", "bob", 100), { group: "user", code: "insufficient" });
  assert.equal(await client.account.get(["ann"]).balance(), 40);
  await client.dispose();
}
